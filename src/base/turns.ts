/** How long those who share a turn of the event loop may keep it to themselves. */
const TURN_MS = 5;

/**
 * Divides what many callers ask for at once among turns of the event loop, in the order in which they came. Between the
 * turns connections are taken up, timers fire, and containerd's answers are read.
 */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  /** When this turn's first call began; undefined: none has. */
  private since?: number;

  /** A promise to be waited for before work begins; undefined when it may begin at once. */
  enter(): Promise<void> | undefined {
    if (this.waiting.length === 0 && !this.spent()) return undefined;
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      setImmediate(this.admit);
    });
  }

  /** One call; what it does runs before the next immediate does. */
  private readonly admit = (): void => {
    if (this.spent()) setImmediate(this.admit);
    else this.waiting.shift()?.();
  };

  private spent(): boolean {
    const now = performance.now();
    if (this.since !== undefined) return now - this.since >= TURN_MS;
    this.since = now;
    setImmediate(() => {
      this.since = undefined;
    });
    return false;
  }
}
