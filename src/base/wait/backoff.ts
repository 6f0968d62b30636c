import { onAbort } from './on-abort';

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

/** The longest time a timer of Node can wait: one for longer fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Resolves after `ms`, 24 days at most; rejects with the signal's reason when that fires first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const timer = setTimeout(
      () => {
        stopListening?.();
        resolve();
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    const giveUp = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const stopListening = signal && onAbort(signal, giveUp);
  });
}
