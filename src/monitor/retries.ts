import { Backoff, sleep } from '../base/backoff';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';

const PAUSES = { firstMs: 5000, maxMs: 60_000 };

/** Repeats in the background what could not be done when it was due, with growing pauses, until it is done. */
export class Retries {
  private readonly controller = new AbortController();

  constructor(
    private readonly log: Logger,
    private readonly pauses: { firstMs: number; maxMs: number } = PAUSES,
  ) {}

  /** Repeats `act` until it answers true. What it throws counts as false. */
  until(what: string, act: () => Promise<boolean>): void {
    void this.repeat(what, act, this.controller.signal);
  }

  stop(): void {
    this.controller.abort(new Error('stopping'));
  }

  private async repeat(what: string, act: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.pauses);
    for (;;) {
      await sleep(backoff.next(), signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        if (await act()) return;
      } catch (error) {
        this.log.warn('could not be done, trying again', { what, error: errorMessage(error) });
      }
    }
  }
}
