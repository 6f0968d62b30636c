import { errorMessage } from '../base/errors';
import { LastAnswers } from '../base/work/last-answers';
import { isDeadlineExceeded } from '../containerd/errors';
import type { LayerSample } from '../stats/filesystem-usage';
import type { LifecycleDeps } from '../tasks/deps';

/** Listing takes containerd milliseconds, from its database; a remote snapshotter may be another process that hangs. */
export const LIST_PATIENCE_MS = 2000;
const LIST = { patienceMs: LIST_PATIENCE_MS, atOnce: 1 };
/**
 * A snapshotter walks an active snapshot file by file, four of them at a time. One walk is waited for a second, and all of
 * a round five: longer ones go on, and their results count when they come.
 */
const WALKS = { patienceMs: 1000, atOnce: 4, longestMs: 5000 };
/**
 * Deadline of a walk. It grows by each walk of the snapshot that did not end in time: one over millions of files gets the
 * time that it needs, and one that will never end is soon tried again.
 */
const WALK_TIMEOUT = { firstMs: 10_000, maxMs: 3_600_000 };
const ALL = 'all';

interface Listing {
  /** When it was asked for, nanoseconds since 1970. */
  readonly timestamp: bigint;
  /** Keys of the snapshots, and whether they are committed: then they never change. */
  readonly committed: ReadonlyMap<string, boolean>;
}

interface SnapshotSample extends LayerSample {
  readonly committed: boolean;
}

/** Sizes of the snapshots of one snapshotter, each as it was when it could last be measured. */
export class SnapshotterUsage {
  private readonly listings = new LastAnswers<Listing>(LIST);
  private readonly walks = new LastAnswers<SnapshotSample | undefined>(WALKS);
  /** Deadlines of walks that have grown. */
  private readonly timeouts = new Map<string, number>();
  /** Keys of snapshots that could not be measured, so that each is logged once. */
  private readonly failing = new Set<string>();
  /** What the last round that has ended counted, and the time of its newest measurement. */
  private counted: Listing | undefined;
  /** Why the snapshots could not be listed in the last round. */
  failure: unknown;

  /** `lifetime` ends the questions under way. */
  constructor(
    private readonly deps: Pick<LifecycleDeps, 'containerd' | 'containers' | 'sandboxes' | 'log'>,
    private readonly snapshotter: string,
    private readonly lifetime: AbortSignal,
  ) {}

  /** True once the snapshotter has told which snapshots it has, or what one of a container takes. */
  get isKnown(): boolean {
    return (this.counted ?? this.listings.last(ALL)) !== undefined;
  }

  /** The last sample of a snapshot; its time is that of the measurement, however long ago. */
  layer(key: string): LayerSample | undefined {
    const sample = this.walks.last(key);
    return sample && { timestamp: sample.timestamp, size: sample.size, inodes: sample.inodes };
  }

  /**
   * What all snapshots take that were ever measured, each by its last sample. The time is that of the newest measurement
   * counted in (a listing is one: committed snapshots, all of the images, are exact as of it), not that of the oldest:
   * kubelet acts only on an observation newer than its last one (`thresholdsUpdatedStats` in
   * pkg/kubelet/eviction/helpers.go), so that one snapshot that cannot be measured would stop every eviction for lack of
   * disk. It stands still when nothing can be measured, and never goes back.
   */
  sum(): LayerSample {
    const { timestamp, committed } = this.counted ?? this.listings.last(ALL) ?? { timestamp: 0n, committed: [] };
    let [size, inodes] = [0n, 0n];
    for (const [key] of committed) {
      const sample = this.walks.last(key);
      size += sample?.size ?? 0n;
      inodes += sample?.inodes ?? 0n;
    }
    return { timestamp, size, inodes };
  }

  /**
   * One round: lists the snapshots and measures those that may have changed. Takes a few seconds at most and never rejects.
   * What fails or takes longer keeps its last value.
   */
  async measure(): Promise<void> {
    const listing = await this.list();
    const committed = this.withContainers(listing?.committed ?? new Map<string, boolean>());
    await Promise.all([...committed].map(([key, isCommitted]) => this.walk(key, isCommitted)));
    let timestamp = listing?.timestamp ?? 0n;
    for (const key of committed.keys()) timestamp = later(timestamp, this.walks.last(key)?.timestamp);
    if (timestamp > 0n) this.counted = { committed, timestamp: later(timestamp, this.counted?.timestamp) };
  }

  /** The snapshots of our containers are known by their ids, also while the snapshotter cannot list any. */
  private withContainers(listed: ReadonlyMap<string, boolean>): Map<string, boolean> {
    const all = new Map(listed);
    for (const { metadata, snapshotter } of this.deps.containers.list()) {
      if (snapshotter === this.snapshotter && !all.has(metadata.id)) all.set(metadata.id, false);
    }
    return all;
  }

  /** The last listing when there is no new one: what is in that is measured all the same. */
  private async list(): Promise<Listing | undefined> {
    try {
      const listing = await this.listings.ask(ALL, () => this.askForAll());
      this.failure = undefined;
      return listing;
    } catch (error) {
      if (!this.failure && !this.lifetime.aborted) {
        this.deps.log.warn('snapshots cannot be listed', { snapshotter: this.snapshotter, error: errorMessage(error) });
      }
      this.failure = error;
      return this.listings.last(ALL);
    }
  }

  private async askForAll(): Promise<Listing> {
    const timestamp = now();
    const { snapshots } = this.deps.containerd;
    const infos = await snapshots.list(this.snapshotter, [], { signal: this.lifetime });
    const committed = new Map(infos.map(({ name, kind }) => [name, kind === 'COMMITTED']));
    this.walks.keep((key) => committed.has(key));
    for (const kept of [this.failing, this.timeouts]) {
      for (const key of kept.keys()) if (!committed.has(key)) kept.delete(key);
    }
    return { timestamp, committed };
  }

  private async walk(key: string, committed: boolean): Promise<void> {
    const { sandboxes } = this.deps;
    const known = this.walks.last(key);
    // A pause process writes nothing: what its snapshot took it takes now.
    if (known?.committed || (known && sandboxes.get(key) !== undefined)) return;
    try {
      await this.walks.ask(key, async () => {
        const timestamp = now();
        const usage = await this.usage(key);
        return usage && { ...usage, timestamp, committed };
      });
      this.report(key, this.walks.isLate(key) ? 'no answer in time, its last value is kept' : undefined);
    } catch (error) {
      this.report(key, errorMessage(error));
    }
  }

  private async usage(key: string): Promise<{ size: bigint; inodes: bigint } | undefined> {
    const { snapshots } = this.deps.containerd;
    const timeoutMs = this.timeouts.get(key) ?? WALK_TIMEOUT.firstMs;
    try {
      return await snapshots.usage({ snapshotter: this.snapshotter, key }, { signal: this.lifetime, timeoutMs });
    } catch (error) {
      if (isDeadlineExceeded(error)) this.timeouts.set(key, Math.min(timeoutMs * 2, WALK_TIMEOUT.maxMs));
      throw error;
    }
  }

  /** Logs the first of several failures in a row. */
  private report(key: string, problem: string | undefined): void {
    if (problem === undefined) return void this.failing.delete(key);
    if (this.failing.has(key) || this.lifetime.aborted) return;
    this.failing.add(key);
    this.deps.log.warn('a snapshot could not be measured', { snapshotter: this.snapshotter, key, error: problem });
  }
}

function later(time: bigint, other: bigint | undefined): bigint {
  return other !== undefined && other > time ? other : time;
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
