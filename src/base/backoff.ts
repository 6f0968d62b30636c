/** Waiting times that double from `firstMs` up to `maxMs`. */
export class Backoff {
  private at: number;
  constructor(private readonly limits: { firstMs: number; maxMs: number }) {
    this.at = limits.firstMs;
  }

  /** The next waiting time in milliseconds. */
  next(): number {
    const now = this.at;
    this.at = Math.min(this.at * 2, this.limits.maxMs);
    return now;
  }

  /** Starts again from the first waiting time. */
  reset(): void {
    this.at = this.limits.firstMs;
  }
}

/** Resolves after `ms`; rejects with the signal's reason when that fires first. Does not keep the process alive. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
