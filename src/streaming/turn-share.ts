/** What the clients of the streaming server get of one turn of the event loop, in milliseconds. */
export const TURN_MS = 10;

/**
 * Shares a part of each turn of the event loop among all clients: what one sends is read in pieces, and once the time of
 * the turn is used up, the rest of it waits for the next turns, in which each client's next piece has its place in line.
 * Timers, CRI calls and other clients have their part of every turn, whatever a client sends and however fast.
 */
export class TurnShare {
  private used = 0;
  private turning = false;
  private readonly line: (() => void)[] = [];

  /** `ms`: the time of one turn. `now`: milliseconds on a clock that never goes back. */
  constructor(
    private readonly ms: number = TURN_MS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether further work is to be put in line. */
  get isUsedUp(): boolean {
    return this.used >= this.ms || this.line.length > 0;
  }

  /** Runs `work` at once, counting its time. */
  run(work: () => void): void {
    const since = this.now();
    try {
      work();
    } finally {
      this.used += this.now() - since;
      this.nextTurn();
    }
  }

  /** Runs `work` when its turn comes, counting its time, and so many milliseconds that it costs afterwards. */
  later(work: () => void, costMs = 0): void {
    this.line.push(() => {
      this.used += costMs;
      work();
    });
    this.nextTurn();
  }

  private nextTurn(): void {
    if (this.turning) return;
    this.turning = true;
    setImmediate(() => this.turn());
  }

  /** Each piece of work that is put in line meanwhile is behind those that are there. */
  private turn(): void {
    this.turning = false;
    this.used = 0;
    while (this.used < this.ms) {
      const work = this.line.shift();
      if (!work) return;
      this.run(work);
    }
    this.nextTurn();
  }
}
