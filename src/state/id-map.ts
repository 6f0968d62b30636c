/** More than one id starts with what was given. */
export class AmbiguousId extends Error {
  override readonly name = 'AmbiguousId';
  constructor(readonly prefix: string) {
    super(`more than one id starts with "${prefix}"`);
  }
}

/** Objects by id, found by the whole id or by a prefix that only one id has. */
export class IdMap<T> {
  private readonly entries = new Map<string, T>();

  set(id: string, value: T): void {
    this.entries.set(id, value);
  }

  delete(id: string): boolean {
    return this.entries.delete(id);
  }

  get(id: string): T | undefined {
    return this.entries.get(id);
  }

  /** The one object whose id is, or starts with, `idOrPrefix`. Throws AmbiguousId when several do. */
  find(idOrPrefix: string): T | undefined {
    const exact = this.entries.get(idOrPrefix);
    if (exact !== undefined || idOrPrefix === '') return exact;
    let found: T | undefined;
    for (const [id, value] of this.entries) {
      if (!id.startsWith(idOrPrefix)) continue;
      if (found !== undefined) throw new AmbiguousId(idOrPrefix);
      found = value;
    }
    return found;
  }

  values(): T[] {
    return [...this.entries.values()];
  }

  get size(): number {
    return this.entries.size;
  }
}
