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
      await orAborted(before, signal);
    } catch (error) {
      open();
      void tail.then(forget); // not sooner: the key is still held by whoever is before us
      throw error;
    }
    return { release, [Symbol.asyncDispose]: async () => release() };
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

function orAborted(promise: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (!signal) return promise;
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
