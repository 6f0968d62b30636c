import { onAbort } from '../../base/wait/on-abort';

/**
 * A pull that got no slot among all pulls for so long fetches one blob at a time beside them: the others may hardly get on. From
 * then on it does so whenever none is free.
 */
export const SLOT_PATIENCE_MS = 30_000;

/**
 * Lets at most `size` downloads run at once, and with `within` no more than those slots let through either; a pull that
 * is given up leaves the queue at once. However long others keep theirs, whoever has none running may run one in the end, and then
 * one after the other.
 */
export class DownloadSlots {
  private free: number;
  private running = 0;
  private readonly waiting = new Set<() => void>();
  /** Ends the wait for a slot of `within`; one for each that waits there. */
  private readonly impatient = new Set<() => void>();
  private hasGoneBeside = false;

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
    const beside = !(await this.takeWithin(outer, signal));
    try {
      return await act();
    } finally {
      this.running--;
      if (!beside) outer.giveBack();
      const [end] = this.impatient;
      if (this.mayGoBeside) end?.();
    }
  }

  /** True when it has a slot of `outer`, false when it is to run beside those; it counts as running then. */
  private async takeWithin(outer: DownloadSlots, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const taken = await outer.acquire(signal, this.mayGoBeside ? 0 : this.patienceMs, this.impatient);
      if (!taken && this.running > 0) continue;
      this.hasGoneBeside ||= !taken;
      this.running++;
      return taken;
    }
  }

  private get mayGoBeside(): boolean {
    return this.hasGoneBeside && this.running === 0;
  }

  private giveBack(): void {
    const [next] = this.waiting;
    if (next) next();
    else this.free++;
  }

  /** True when a slot was taken; false when there was none within the patience, or its entry in `ends` was called. */
  private acquire(signal: AbortSignal, patienceMs?: number, ends?: Set<() => void>): Promise<boolean> {
    signal.throwIfAborted();
    if (this.free > 0) {
      this.free--;
      return Promise.resolve(true);
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.waiting.delete(turn);
        ends?.delete(giveUp);
        clearTimeout(timer);
        stopListening();
      };
      const turn = (): void => {
        leave();
        resolve(true);
      };
      const giveUp = (): void => {
        leave();
        resolve(false);
      };
      const timer = patienceMs === undefined ? undefined : setTimeout(giveUp, patienceMs);
      this.waiting.add(turn);
      ends?.add(giveUp);
      const stopListening = onAbort(signal, () => {
        leave();
        reject(signal.reason);
      });
    });
  }
}
