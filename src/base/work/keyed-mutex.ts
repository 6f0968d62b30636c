import { limitOf, unlessAborted, type WorkLimits } from '../wait/deadline';

/** A lock that is held: give it back with `release`, or let `await using` do it. */
export interface Held extends AsyncDisposable {
  release(): void;
}

/** One lock per key, first come first served. A key that nobody holds or waits for takes no memory. */
export class KeyedMutex {
  private readonly tails = new Map<string, Promise<void>>();

  /**
   * Waits for the lock of `key` and holds it. Rejects with the signal's reason when that fires first; the place in the
   * queue is then given up without disturbing those behind.
   */
  async hold(key: string, signal?: AbortSignal): Promise<Held> {
    const before = this.tails.get(key) ?? Promise.resolve();
    let open: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => {
      open = resolve;
    });
    const tail = before.then(() => mine);
    this.tails.set(key, tail);
    const forget = (): void => {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    };
    const release = (): void => {
      open();
      forget();
    };
    try {
      await (signal ? unlessAborted(before, signal) : before);
    } catch (error) {
      open();
      void tail.then(forget); // not sooner: the key is still held by whoever is before us
      throw error;
    }
    return { release, [Symbol.asyncDispose]: async () => release() };
  }

  /**
   * Runs `act` under the lock of `key` and answers its outcome. Rejects when the caller leaves, with the reason of its signal,
   * and at the limit of the work, with a DeadlineError; `act` is told of the latter only, by a signal that is its only limit.
   * Whatever the caller was answered, the lock is held until `act` has ended: another call for the same key never works
   * beside it.
   */
  async run<T>(key: string, limits: WorkLimits, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { caller } = limits;
    const held = await this.hold(key, caller);
    const limit = limitOf(limits);
    const work = async (): Promise<T> => act(limit.signal);
    const outcome = work().finally(() => {
      limit.cancel();
      held.release();
    });
    return unlessAborted(unlessAborted(outcome, limit.signal), caller);
  }

  /** Whether somebody holds the key or waits for it. */
  isHeld(key: string): boolean {
    return this.tails.has(key);
  }

  /** How many keys are held or waited for. */
  get size(): number {
    return this.tails.size;
  }
}
