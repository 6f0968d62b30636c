import { unlessAborted } from '../wait/deadline';

interface Running<T> {
  readonly outcome: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Does the same work once for all callers that ask for it at the same time, and is bound to none of them: a caller that
 * leaves ends its own wait only. The work is aborted when the last caller has left, which waits until the work has stopped.
 * An outcome is kept for no later caller, a failure least of all.
 */
export class SharedWork<T> {
  private readonly running = new Map<string, Running<T>>();

  /**
   * The outcome of `act`, or of the work already under way for `key`. Rejects with the signal's reason if that fires first.
   * `act` gets a signal of its own and must use no caller's.
   */
  async run(key: string, signal: AbortSignal, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const work = this.running.get(key) ?? this.start(key, act);
    work.waiting++;
    try {
      return await unlessAborted(work.outcome, signal);
    } finally {
      if (--work.waiting === 0) await this.stop(key, work, signal.reason);
    }
  }

  private start(key: string, act: (signal: AbortSignal) => Promise<T>): Running<T> {
    const controller = new AbortController();
    const outcome = act(controller.signal);
    outcome.catch(() => undefined); // its callers see it, unless all have left
    const work = { outcome, controller, waiting: 0 };
    this.running.set(key, work);
    return work;
  }

  /** A caller that comes after the last has left begins anew: work that is being stopped is of no use to it. */
  private async stop(key: string, work: Running<T>, reason: unknown): Promise<void> {
    if (this.running.get(key) === work) this.running.delete(key);
    work.controller.abort(reason);
    await work.outcome.catch(() => undefined); // until it has cleared up
  }
}
