import { errorMessage } from '../errors';
import type { Logger } from '../logger';
import { Backoff, sleep } from '../wait/backoff';

const PAUSES = { firstMs: 1000, maxMs: 15_000 };

/** Something that could not be done when it was due. */
export interface Pending {
  readonly what: string;
  /** How often it has been tried since. */
  tries: number;
  /** Why the last try failed; empty: it is not known yet. */
  error: string;
}

/** Repeats in the background what could not be done when it was due, with growing pauses, until it is done. */
export class Retries {
  private readonly controller = new AbortController();
  private readonly startedAt = performance.now();
  private readonly waiting = new Set<Pending>();

  constructor(
    private readonly log: Logger,
    private readonly pauses: { firstMs: number; maxMs: number } = PAUSES,
  ) {}

  /** Everything that is not done yet, for those who ask what is wrong (Status, verbose). */
  get pending(): readonly Readonly<Pending>[] {
    return [...this.waiting];
  }

  /** For how long this server runs, in milliseconds. */
  ageMs(): number {
    return performance.now() - this.startedAt;
  }

  /** Repeats `act` until it answers true. What it throws counts as false. `why`: what made the first try fail. */
  until(what: string, act: () => Promise<boolean>, why = ''): void {
    const pending = { what, tries: 0, error: why };
    this.waiting.add(pending);
    void this.repeat(pending, act, this.controller.signal).finally(() => this.waiting.delete(pending));
  }

  stop(): void {
    this.controller.abort(new Error('stopping'));
  }

  private async repeat(pending: Pending, act: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.pauses);
    for (;;) {
      await sleep(backoff.next(), signal).catch(() => undefined);
      if (signal.aborted) return;
      pending.tries += 1;
      try {
        if (await act()) return;
      } catch (error) {
        const message = errorMessage(error);
        const isNew = message !== pending.error;
        pending.error = message;
        if (isNew) this.log.warn('trying again failed, next try follows', { what: pending.what, error: message });
      }
    }
  }
}
