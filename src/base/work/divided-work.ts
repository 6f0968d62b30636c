/** How long pieces of work may follow one another before others have their turn of the event loop, in milliseconds. */
export const TURN_MS = 5;

/**
 * Divides work whose size guests decide among turns of the event loop, in the order in which callers ask. A piece that takes
 * longer than that is the last of its turn, also where several callers work beside each other.
 */
export class DividedWork {
  private readonly waiting: (() => void)[] = [];
  /** When the first piece of this turn began; undefined: none has. */
  private since?: number;

  /** `now`: milliseconds on a clock that never goes back. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Does a piece of work, at once or in a later turn, and settles as it does. */
  async run<T>(work: () => T): Promise<Awaited<T>> {
    if (this.since === undefined) this.begin();
    if (this.waiting.length === 0 && this.hasTime) return await work();
    // What waits is done by the turn itself, which sees how long it takes.
    return await new Promise<T>((resolve, reject) => {
      this.waiting.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  private get hasTime(): boolean {
    return this.since !== undefined && this.now() - this.since < TURN_MS;
  }

  private begin(): void {
    this.since = this.now();
    setImmediate(() => this.turn());
  }

  private turn(): void {
    this.since = undefined;
    if (this.waiting.length === 0) return;
    this.begin();
    // The first is done however long this process has had to wait for its processor since then.
    do this.waiting.shift()?.();
    while (this.waiting.length > 0 && this.hasTime);
  }
}

/** All work of this process shares its event loop. */
const all = new DividedWork();

/** Does a piece of work that is one of many, at once or in a later turn of the event loop, and settles as it does. */
export function inTurn<T>(work: () => T): Promise<Awaited<T>> {
  return all.run(work);
}
