/** Tells of each problem once, and again when it comes back after it was gone or has become another. */
export class StandingProblems {
  private known = new Map<string, string>();

  /** `warn` is told where a problem is and what it is. */
  constructor(private readonly warn: (where: string, problem: string) => void) {}

  /** These are all the problems that there are now, by where they are. */
  report(now: ReadonlyMap<string, string>): void {
    const before = this.known;
    this.known = new Map(now);
    for (const [where, problem] of now) if (before.get(where) !== problem) this.warn(where, problem);
  }

  /** This is one of the problems; of the others nothing is known. */
  met(where: string, problem: string): void {
    if (this.known.get(where) === problem) return;
    this.known.set(where, problem);
    this.warn(where, problem);
  }
}
