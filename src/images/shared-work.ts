interface Running<T> {
  readonly outcome: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** Does the same thing once for all who ask for it at the same time. It is stopped when the last of them has gone, who waits until it has stopped. */
export class SharedWork<T> {
  private readonly running = new Map<string, Running<T>>();

  /** The outcome of `act`, or of the one already under way for `key`. Rejects with the signal's reason if that fires before. */
  async run(key: string, signal: AbortSignal, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const work = this.running.get(key) ?? this.start(key, act);
    work.waiting++;
    let onAbort: () => void = () => undefined;
    const gone = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(signal.reason);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([work.outcome, gone]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      if (--work.waiting === 0) await this.stop(key, work, signal.reason);
    }
  }

  private start(key: string, act: (signal: AbortSignal) => Promise<T>): Running<T> {
    const controller = new AbortController();
    const outcome = act(controller.signal);
    outcome.catch(() => undefined); // those who wait see it; nobody may
    const work = { outcome, controller, waiting: 0 };
    this.running.set(key, work);
    return work;
  }

  /** Who comes after the last has gone begins anew: what is being stopped is of no use to them. */
  private async stop(key: string, work: Running<T>, reason: unknown): Promise<void> {
    if (this.running.get(key) === work) this.running.delete(key);
    work.controller.abort(reason);
    await work.outcome.catch(() => undefined); // until it has cleared up
  }
}
