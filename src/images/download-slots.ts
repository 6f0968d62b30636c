/**
 * Lets at most `size` downloads run at once, and with `within` no more than those slots let through either; a pull that
 * is given up leaves the queue at once.
 */
export class DownloadSlots {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(
    size: number,
    private readonly within?: DownloadSlots,
  ) {
    this.free = size;
  }

  /** Runs `act` when it is its turn. Rejects with the signal's reason if that fires before. */
  async run<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    await this.acquire(signal);
    try {
      return await (this.within ? this.within.run(signal, act) : act());
    } finally {
      this.giveBack();
    }
  }

  /** A slot that is free just now, to be given back by calling it; undefined when there is none. */
  tryTake(): (() => void) | undefined {
    if (this.free === 0) return undefined;
    const outer = this.within?.tryTake();
    if (this.within && !outer) return undefined;
    this.free--;
    return () => {
      outer?.();
      this.giveBack();
    };
  }

  private giveBack(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free++;
  }

  private acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.free > 0) {
      this.free--;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.waiting.splice(this.waiting.indexOf(turn), 1);
        reject(signal.reason);
      };
      const turn = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      this.waiting.push(turn);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
