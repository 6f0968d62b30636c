import { setMaxListeners } from 'node:events';
import { errorMessage } from '../base/errors';
import { DeadlineError, unlessAborted } from '../base/wait/deadline';
import { LastAnswers } from '../base/work/last-answers';
import { SharedWork } from '../base/work/shared-work';
import type { LayerSample } from '../stats/filesystem-usage';
import type { LifecycleDeps } from '../tasks/deps';
import { LIST_PATIENCE_MS, SnapshotterUsage } from './snapshotter-usage';

const DEFAULT_ROOT = '/var/lib/containerd';

/** The whole content store is listed: thousands of entries out of containerd's database. */
const CONTENT = { patienceMs: 2000, atOnce: 1 };
/** What plugins export is in containerd's memory. */
const ROOTS = { patienceMs: 1000, atOnce: 4 };

/** What the snapshots of one snapshotter take of the disk. */
export interface FilesystemSample {
  readonly mountpoint: string;
  /** When the newest part of it was measured, nanoseconds since 1970. Single sizes in the sum may be older. */
  readonly timestamp: bigint;
  readonly usedBytes: bigint;
  readonly inodesUsed: bigint;
}

interface Content {
  readonly size: bigint;
  readonly blobs: bigint;
}

/**
 * Sizes of snapshots, measured in rounds and never for a request. A round takes seconds at most: a snapshot, a snapshotter
 * or the content store that fails or takes longer costs its own figure, of which the last value is kept.
 */
export class SnapshotUsage {
  private readonly snapshotters = new Map<string, SnapshotterUsage>();
  private readonly roots = new LastAnswers<string>(ROOTS);
  private readonly content = new LastAnswers<Content>(CONTENT);
  private readonly rounds = new SharedWork<void>();
  private hasMeasured = false;

  /**
   * `countContent`: the default snapshotter's share has the content store in it, for nodes where one filesystem holds both.
   * `lifetime` ends the questions under way; no caller's signal does.
   */
  constructor(
    private readonly deps: Pick<LifecycleDeps, 'containerd' | 'containers' | 'handlers' | 'sandboxes' | 'log'>,
    private readonly countContent = false,
    private readonly lifetime: AbortSignal = new AbortController().signal,
  ) {
    setMaxListeners(0, lifetime); // every question under way listens to it
  }

  /** The last sample of one snapshot, however old; undefined when it was never measured. */
  layer(snapshotter: string, key: string): LayerSample | undefined {
    return this.snapshotters.get(snapshotter)?.layer(key);
  }

  /**
   * One entry per snapshotter in use of which something is known, the default one first, even when it is empty: kubelet
   * reads only that one, and while this rejects its eviction manager evicts nothing at all, for lack of memory neither.
   * So it rejects only when of the default snapshotter neither the snapshots were ever listed nor one was measured.
   */
  async filesystems(): Promise<FilesystemSample[]> {
    const [first, ...others] = this.names();
    const leading = this.usageOf(first);
    if (!this.hasMeasured || !leading.isKnown) await this.measure(this.lifetime);
    if (!leading.isKnown)
      throw leading.failure ?? new DeadlineError(`listing the snapshots of ${first}`, LIST_PATIENCE_MS);
    const known = [first, ...others.filter((name) => this.usageOf(name).isKnown)];
    return Promise.all(known.map((name) => this.sumOf(name, name === first)));
  }

  /**
   * Measures whatever changes; one round at a time, a caller that comes meanwhile waits for that one. Takes a few seconds
   * at most. Rejects only when `signal` fires.
   */
  measure(signal: AbortSignal): Promise<void> {
    return this.rounds.run('round', signal, async (shared) => {
      const all = [...this.names().map((name) => this.usageOf(name).measure()), this.measureContent()];
      await unlessAborted(Promise.all(all), shared);
      this.hasMeasured = true;
    });
  }

  /**
   * The snapshotter's root as containerd exports it; where containerd keeps it by default when that is not known, for
   * without any path kubelet would have no statistics of the node at all.
   */
  async mountpoint(snapshotter: string): Promise<string> {
    const byDefault = `${DEFAULT_ROOT}/io.containerd.snapshotter.v1.${snapshotter}`;
    const known = this.roots.last(snapshotter);
    if (known !== undefined) return known;
    const { containerd, log } = this.deps;
    try {
      const root = await this.roots.ask(snapshotter, async () => {
        const filters = [`type==io.containerd.snapshotter.v1,id==${snapshotter}`];
        const plugins = await containerd.introspection.plugins(filters, { signal: this.lifetime });
        return plugins[0]?.exports.root ?? byDefault;
      });
      return root ?? byDefault;
    } catch (error) {
      log.debug("a snapshotter's root could not be read", { snapshotter, error: errorMessage(error) });
      return byDefault;
    }
  }

  private names(): [string, ...string[]] {
    const { default: fallback, all } = this.deps.handlers;
    const others = new Set(all.map((handler) => handler.snapshotter));
    others.delete(fallback.snapshotter);
    return [fallback.snapshotter, ...others];
  }

  private usageOf(snapshotter: string): SnapshotterUsage {
    const known = this.snapshotters.get(snapshotter) ?? new SnapshotterUsage(this.deps, snapshotter, this.lifetime);
    this.snapshotters.set(snapshotter, known);
    return known;
  }

  private async measureContent(): Promise<void> {
    if (!this.countContent) return;
    const { containerd, log } = this.deps;
    try {
      await this.content.ask('', async () => {
        const blobs = await containerd.content.list([], { signal: this.lifetime });
        return { size: blobs.reduce((sum, { size }) => sum + size, 0n), blobs: BigInt(blobs.length) };
      });
    } catch (error) {
      if (!this.lifetime.aborted) log.warn('the content store could not be measured', { error: errorMessage(error) });
    }
  }

  private async sumOf(snapshotter: string, withContent: boolean): Promise<FilesystemSample> {
    const content = withContent ? this.content.last('') : undefined;
    const sum = this.usageOf(snapshotter).sum();
    return {
      mountpoint: await this.mountpoint(snapshotter),
      timestamp: sum.timestamp,
      usedBytes: sum.size + (content?.size ?? 0n),
      inodesUsed: sum.inodes + (content?.blobs ?? 0n),
    };
  }
}
