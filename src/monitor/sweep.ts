import { sleep } from '../base/backoff';
import { errorMessage } from '../base/errors';
import type { LifecycleDeps } from '../lifecycle/deps';

const PERIOD_MS = 3_600_000;

type Deps = Pick<LifecycleDeps, 'sandboxes' | 'networksOf' | 'handlers' | 'log'>;

/**
 * Looks for what nothing owns any more, at start and every hour: attachments to networks whose pod is gone are taken
 * down by the configuration they were made with, and plugins that can (CNI 1.1) are told which ones are in use.
 */
export class Sweep {
  private readonly controller = new AbortController();

  constructor(private readonly deps: Deps) {}

  start(): void {
    void this.run(this.controller.signal);
  }

  stop(): void {
    this.controller.abort(new Error('stopping'));
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.networks(signal).catch((error: unknown) => {
        if (!signal.aborted)
          this.deps.log.warn('the sweep of network attachments failed', { error: errorMessage(error) });
      });
      await sleep(PERIOD_MS, signal).catch(() => undefined);
    }
  }

  private async networks(signal: AbortSignal): Promise<void> {
    const { sandboxes, handlers, networksOf } = this.deps;
    for (const networks of new Set(handlers.all.map((handler) => networksOf(handler)))) {
      await networks.gc(() => sandboxes.ownerIds(), signal);
    }
  }
}
