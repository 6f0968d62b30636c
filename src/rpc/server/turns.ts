/** How long calls may keep a turn of the event loop to themselves. */
const TURN_MS = 5;
/** From so many on, those at the front of the queue that have been admitted are cut off it. */
const CUT_OFF = 1024;

/**
 * Divides what many callers ask for at once among turns of the event loop, in the order in which they came. Between the
 * turns connections are taken up, timers fire, and containerd's answers are read.
 */
export class Turns {
  /** From `first` on, those that wait. */
  private queue: (() => void)[] = [];
  private first = 0;
  /** One admission is on its way: there is never more than one, however many wait. */
  private admitting = false;
  /** When this turn's first call began; undefined: none has. */
  private since?: number;

  /** `now` tells the time in milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** A promise to be waited for before work begins; undefined when it may begin at once. */
  enter(): Promise<void> | undefined {
    if (this.queue.length === 0 && !this.spent()) return undefined;
    return new Promise((resolve) => {
      this.queue.push(resolve);
      if (this.admitting) return;
      this.admitting = true;
      setImmediate(this.admit);
    });
  }

  /** Lets one call begin; what it does at once runs before the next is admitted. */
  private readonly admit = (): void => {
    if (this.queue.length === 0) {
      this.admitting = false;
    } else if (this.spent()) {
      setImmediate(this.admit);
    } else {
      this.shift()?.();
      // A tick that a microtask asks for comes when no microtask is left: the call has done what it does at once.
      queueMicrotask(() => process.nextTick(this.admit));
    }
  };

  /** In constant time on average: Array.shift moves all that follow. */
  private shift(): (() => void) | undefined {
    const next = this.queue[this.first];
    this.first += 1;
    const cut = this.first === this.queue.length || (this.first >= CUT_OFF && this.first * 2 >= this.queue.length);
    if (cut) {
      this.queue = this.queue.slice(this.first);
      this.first = 0;
    }
    return next;
  }

  private spent(): boolean {
    const now = this.now();
    if (this.since !== undefined) return now - this.since >= TURN_MS;
    this.since = now;
    setImmediate(() => {
      this.since = undefined;
    });
    return false;
  }
}
