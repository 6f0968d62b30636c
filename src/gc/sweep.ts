import { errorMessage } from '../base/errors';
import { Backoff, sleep } from '../base/wait/backoff';
import type { LifecycleDeps } from '../tasks/deps';
import {
  answersAreWhole,
  isOrphan,
  sweepDirectories,
  sweepLeases,
  sweepShims,
  sweepSnapshots,
} from './sweep-leftovers';
import { sweepRecords } from './sweep-records';
import { sweepShimSockets } from './sweep-shim-sockets';

const PERIOD_MS = 3_600_000;
/** After a round in which nothing could be swept. */
const AGAIN_MS = 5000;

type Deps = Pick<
  LifecycleDeps,
  | 'containerd'
  | 'daemon'
  | 'sandboxes'
  | 'containers'
  | 'stdio'
  | 'locks'
  | 'host'
  | 'paths'
  | 'networksOf'
  | 'handlers'
  | 'shims'
  | 'log'
>;

/**
 * Looks for what nothing owns any more, at start and every hour: what we did not survive making, and what could not be
 * taken down when its pod was. Only what we made is touched.
 */
export class Sweep {
  private readonly controller = new AbortController();
  private readonly since = BigInt(Date.now()) * 1_000_000n;

  constructor(private readonly deps: Deps) {}

  start(): void {
    void this.run(this.controller.signal);
  }

  stop(): void {
    this.controller.abort(new Error('stopping'));
  }

  /** One round; never rejects: what could not be swept is tried the next time. False when nothing could be. */
  async sweep(signal: AbortSignal): Promise<boolean> {
    const parts: Record<string, () => Promise<void>> = {
      stdio: () => this.stdio(),
      networks: () => this.networks(signal),
      leases: () => sweepLeases(this.deps, signal),
      snapshots: () => sweepSnapshots(this.deps, signal),
      directories: () => sweepDirectories(this.deps, signal),
      records: () => sweepRecords(this.deps, signal, { since: this.since }),
      shims: () => sweepShims(this.deps, signal),
      sockets: () => sweepShimSockets(this.deps, signal), // also of those that were just ended
    };
    if (!(await this.isReliable())) return false;
    for (const [part, act] of Object.entries(parts)) {
      try {
        await act();
      } catch (error) {
        if (signal.aborted) return true;
        this.deps.log.warn('a sweep failed', { part, error: errorMessage(error) });
      }
    }
    return true;
  }

  /** An answer that there is nothing must not empty the machine. */
  private async isReliable(): Promise<boolean> {
    const whole = await answersAreWhole(this.deps).catch(() => false);
    if (!whole)
      this.deps.log.warn('nothing is swept: containerd does not tell its containers, or says that it has none');
    return whole;
  }

  private async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: AGAIN_MS, maxMs: PERIOD_MS });
    while (!signal.aborted) {
      const swept = await this.sweep(signal);
      if (swept) backoff.reset();
      await sleep(swept ? PERIOD_MS : backoff.next(), signal).catch(() => undefined);
    }
  }

  /** Lets go of the stdio of containers that exist no more. */
  private async stdio(): Promise<void> {
    const { stdio, containers } = this.deps;
    for (const id of await stdio.list()) {
      if (containers.get(id) === undefined && (await isOrphan(this.deps, id))) await stdio.close(id);
    }
  }

  /**
   * Attachments whose pod is gone are taken down by the configuration they were made with, and plugins that can (CNI 1.1)
   * are told which ones are in use.
   */
  private async networks(signal: AbortSignal): Promise<void> {
    const { sandboxes, handlers, networksOf } = this.deps;
    for (const networks of new Set(handlers.all.map((handler) => networksOf(handler)))) {
      await networks.gc(
        () => sandboxes.ownerIds(),
        signal,
        (id) => isOrphan(this.deps, id),
      );
    }
  }
}
