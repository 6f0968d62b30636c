import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import type { ServiceManager } from '../base/service-manager';
import { Backoff } from '../base/wait/backoff';
import { ContainerdError } from '../containerd/errors';

/** When the same reason is logged again. */
const AGAIN = { firstMs: 60_000, maxMs: 3_600_000 };
/** More reasons than that are not told apart: one that has a number in it may be new each time. */
const MAX_REASONS = 100;

/** When a reason is logged again. */
interface Known {
  readonly backoff: Backoff;
  nextAt: number;
}

/**
 * Says why crisp does not serve yet: to clients in each answer, to the operator in the service's status and in the log, there
 * each new reason at once and the same one again at growing intervals.
 */
export class WaitReport {
  private readonly known = new Map<string, Known>();
  private last = '';

  constructor(
    private readonly to: {
      readonly log: Logger;
      readonly manager: Pick<ServiceManager, 'waiting'>;
      readonly readiness: { problem: string };
      /** Milliseconds on a clock; for tests. */
      readonly now?: () => number;
    },
  ) {}

  /** Another try has failed. */
  report(error: unknown): void {
    const message = errorMessage(error);
    const reason = error instanceof ContainerdError ? `containerd: ${error.method}: ${message}` : message;
    const { log, manager, readiness, now = Date.now } = this.to;
    readiness.problem = reason;
    if (reason !== this.last) manager.waiting(reason);
    this.last = reason;
    const known = this.known.get(reason);
    if (known && now() < known.nextAt) return;
    log.warn('cannot serve yet, trying again', { reason });
    if (!known && this.known.size >= MAX_REASONS) this.known.clear();
    const backoff = known?.backoff ?? new Backoff(AGAIN);
    this.known.set(reason, { backoff, nextAt: now() + backoff.next() });
  }
}
