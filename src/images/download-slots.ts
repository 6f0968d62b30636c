import { onAbort } from '../base/on-abort';

/** A pull that got no slot among all pulls for so long fetches one blob beside them: the others may hardly get on. */
export const SLOT_PATIENCE_MS = 30_000;

/**
 * Lets at most `size` downloads run at once, and with `within` no more than those slots let through either; a pull that
 * is given up leaves the queue at once. However long others keep theirs, whoever has none running may run one in the end.
 */
export class DownloadSlots {
  private free: number;
  private running = 0;
  private readonly waiting = new Set<() => void>();

  constructor(
    size: number,
    private readonly within?: DownloadSlots,
    private readonly patienceMs = SLOT_PATIENCE_MS,
  ) {
    this.free = size;
  }

  /** Runs `act` when it is its turn. Rejects with the signal's reason if that fires before. */
  async run<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    await this.acquire(signal);
    try {
      return await (this.within ? this.runWithin(this.within, signal, act) : act());
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

  private async runWithin<T>(outer: DownloadSlots, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    let beside = false;
    while (!beside && !(await outer.acquire(signal, this.patienceMs))) beside = this.running === 0;
    this.running++;
    try {
      return await act();
    } finally {
      this.running--;
      if (!beside) outer.giveBack();
    }
  }

  private giveBack(): void {
    const [next] = this.waiting;
    if (next) next();
    else this.free++;
  }

  /** True when a slot was taken; false when there was none within the patience. */
  private acquire(signal: AbortSignal, patienceMs?: number): Promise<boolean> {
    signal.throwIfAborted();
    if (this.free > 0) {
      this.free--;
      return Promise.resolve(true);
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.waiting.delete(turn);
        clearTimeout(timer);
        stopListening();
      };
      const turn = (): void => {
        leave();
        resolve(true);
      };
      const timer =
        patienceMs === undefined
          ? undefined
          : setTimeout(() => {
              leave();
              resolve(false);
            }, patienceMs);
      this.waiting.add(turn);
      const stopListening = onAbort(signal, () => {
        leave();
        reject(signal.reason);
      });
    });
  }
}
