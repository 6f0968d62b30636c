import { Limit } from '../base/limit';
import type { LayerSample } from '../stats/filesystem-usage';
import type { SamplerDeps } from './stats-sampler';

const AT_ONCE = 4;
const DEFAULT_ROOT = '/var/lib/containerd';

const NO_CONTENT = { size: 0n, blobs: 0n };

/** What the snapshots of one snapshotter take of the disk. */
export interface FilesystemSample {
  readonly mountpoint: string;
  readonly timestamp: bigint;
  readonly usedBytes: bigint;
  readonly inodesUsed: bigint;
}

/**
 * Sizes of snapshots. A committed one never changes and is measured once; an active one is walked by the snapshotter, so
 * that is done at regular times and never for a request.
 */
export class SnapshotUsage {
  private readonly samples = new Map<string, Map<string, LayerSample & { committed: boolean }>>();
  private readonly roots = new Map<string, string>();
  private readonly limit = new Limit(AT_ONCE);
  private measuring: Promise<void> | undefined;
  private content = { size: 0n, blobs: 0n };

  /** `countContent`: the default snapshotter's share has the content store in it, for nodes where one filesystem holds both. */
  constructor(
    private readonly deps: Pick<SamplerDeps, 'containerd' | 'handlers' | 'sandboxes'>,
    private readonly countContent = false,
  ) {}

  layer(snapshotter: string, key: string): LayerSample | undefined {
    return this.samples.get(snapshotter)?.get(key);
  }

  /** One entry per snapshotter in use, the default one first, even when it is empty: kubelet reads only that one. */
  async filesystems(): Promise<FilesystemSample[]> {
    if (this.samples.size === 0) await this.measure(AbortSignal.timeout(10_000));
    return Promise.all(this.snapshotters().map((snapshotter) => this.sumOf(snapshotter)));
  }

  /** Measures whatever changes; one round at a time, whoever asks meanwhile waits for that one. */
  measure(signal: AbortSignal): Promise<void> {
    this.measuring ??= this.measureAll(signal).finally(() => {
      this.measuring = undefined;
    });
    return this.measuring;
  }

  /** The snapshotter's root as the daemon exports it; else where the daemon keeps it by default. */
  async mountpoint(snapshotter: string): Promise<string> {
    const known = this.roots.get(snapshotter);
    if (known !== undefined) return known;
    const plugins = await this.deps.containerd.introspection.plugins([
      `type==io.containerd.snapshotter.v1,id==${snapshotter}`,
    ]);
    const root = plugins[0]?.exports.root ?? `${DEFAULT_ROOT}/io.containerd.snapshotter.v1.${snapshotter}`;
    this.roots.set(snapshotter, root);
    return root;
  }

  private snapshotters(): string[] {
    const { default: fallback, all } = this.deps.handlers;
    return [...new Set([fallback.snapshotter, ...all.map((handler) => handler.snapshotter)])];
  }

  private async measureAll(signal: AbortSignal): Promise<void> {
    for (const snapshotter of this.snapshotters()) await this.measureOne(snapshotter, signal);
    if (!this.countContent) return;
    const blobs = await this.deps.containerd.content.list([], { signal });
    this.content = { size: blobs.reduce((sum, { size }) => sum + size, 0n), blobs: BigInt(blobs.length) };
  }

  private async measureOne(snapshotter: string, signal: AbortSignal): Promise<void> {
    const before = this.samples.get(snapshotter);
    const after: typeof before = new Map();
    const infos = await this.deps.containerd.snapshots.list(snapshotter, [], { signal });
    await Promise.all(
      infos.map((info) =>
        this.limit.run(async () => {
          const known = before?.get(info.name);
          if (known?.committed) return void after.set(info.name, known);
          if (known && this.deps.sandboxes.get(info.name) !== undefined) {
            // A pause process writes nothing: what it took it takes now, and kubelet acts only on what is newer.
            return void after.set(info.name, { ...known, timestamp: BigInt(Date.now()) * 1_000_000n });
          }
          const usage = await this.deps.containerd.snapshots.usage({ snapshotter, key: info.name }, { signal });
          if (!usage) return undefined;
          const timestamp = BigInt(Date.now()) * 1_000_000n;
          return void after.set(info.name, { ...usage, timestamp, committed: info.kind === 'COMMITTED' });
        }),
      ),
    );
    this.samples.set(snapshotter, after);
  }

  private async sumOf(snapshotter: string): Promise<FilesystemSample> {
    const samples = [...(this.samples.get(snapshotter)?.values() ?? [])];
    const active = samples.filter((sample) => !sample.committed);
    const times = (active.length > 0 ? active : samples).map((sample) => sample.timestamp);
    const now = BigInt(Date.now()) * 1_000_000n;
    const { size, blobs } = snapshotter === this.snapshotters()[0] ? this.content : NO_CONTENT;
    return {
      mountpoint: await this.mountpoint(snapshotter),
      timestamp: times.sort((a, b) => Number(a - b))[0] ?? now,
      usedBytes: samples.reduce((sum, sample) => sum + sample.size, size),
      inodesUsed: samples.reduce((sum, sample) => sum + sample.inodes, blobs),
    };
  }
}
