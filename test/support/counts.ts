/** What must stay zero, with an example of each thing that was not. */
export class Faults {
  private readonly seen = new Map<string, string[]>();

  constructor(kinds: readonly string[]) {
    for (const kind of kinds) this.seen.set(kind, []);
  }

  add(kind: string, what: string): void {
    const list = this.seen.get(kind);
    if (!list) throw new Error(`nobody counts "${kind}"`);
    list.push(what);
  }

  /** One of each kind that there is. */
  examples(): string[] {
    return [...this.seen.values()].flatMap(([example]) => (example === undefined ? [] : [example]));
  }

  rows(): { kind: string; count: number; example: string }[] {
    return [...this.seen].map(([kind, list]) => ({ kind, count: list.length, example: list[0] ?? '' }));
  }
}

/** How often things were done. */
export class Done {
  private readonly times = new Map<string, number>();

  add(what: string, count = 1): void {
    this.times.set(what, (this.times.get(what) ?? 0) + count);
  }

  rows(): [string, number][] {
    return [...this.times].sort(([a], [b]) => a.localeCompare(b));
  }
}
