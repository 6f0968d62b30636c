import { newSuffix } from '../../base/ids';
import { isAlreadyExists, isDeadlineExceeded, isUnavailable } from '../../containerd/errors';
import type { Descriptor } from '../../model/image';
import type { Mount } from '../../model/mount';
import type { ImageBackend, Work } from '../backend';
import { refused } from '../errors';
import { layerTimeoutMs, PREPARE_TIMEOUT_MS } from '../pull/time-limits';
import { ensureLabels, UNCOMPRESSED_LABEL } from './content-labels';

/** One layer on its way to being a snapshot. */
export interface LayerToUnpack {
  readonly snapshotter: string;
  readonly descriptor: Descriptor;
  readonly diffId: string;
  /** Name of the snapshot it becomes. */
  readonly chainId: string;
  /** Chain id of the layer below; empty for the lowest. */
  readonly parent: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A writable snapshot into which the layer is to be applied. */
export interface Prepared {
  readonly key: string;
  readonly mounts: readonly Mount[];
}

/** Keys can collide, if hardly ever; beyond this the snapshotter is at fault. */
const MAX_COLLISIONS = 3;

/**
 * How many layers, from the lowest on, have a snapshot; the lease keeps the highest of them, and so those below it. Under a
 * snapshot there are always those below it, so that a few questions tell, however many layers there are.
 */
export async function countUnpacked(
  backend: ImageBackend,
  snapshotter: string,
  chain: readonly string[],
  work: Work,
): Promise<number> {
  const { signal } = work;
  const has = async (count: number): Promise<boolean> =>
    (await backend.snapshots.stat({ snapshotter, key: chain[count - 1] ?? '' }, { signal })) !== undefined;
  for (let most = chain.length; most > 0; ) {
    const count = await highest(most, has);
    if (count === 0 || (await keepSnapshot(backend, snapshotter, chain[count - 1] ?? '', work))) return count;
    most = count - 1; // it has just been collected
  }
  return 0;
}

/** The biggest number up to `most` for which `has` is true; it is for none above one for which it is not. All and none are tried first. */
async function highest(most: number, has: (count: number) => Promise<boolean>): Promise<number> {
  if (!(await has(1))) return 0;
  if (most === 1 || (await has(most))) return most;
  let [low, high] = [1, most]; // true for the one, false for the other
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await has(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** True if the layer has its snapshot; the lease keeps it from here on. */
export async function keepSnapshot(
  backend: ImageBackend,
  snapshotter: string,
  chainId: string,
  { lease, signal }: Work,
): Promise<boolean> {
  if (!(await backend.snapshots.stat({ snapshotter, key: chainId }, { signal }))) return false;
  // Told to the lease and looked at again: it may have been collected just before the lease knew.
  await backend.leases.addResource(lease, { id: chainId, type: `snapshots/${snapshotter}` }, { signal });
  return (await backend.snapshots.stat({ snapshotter, key: chainId }, { signal })) !== undefined;
}

/**
 * Prepares the snapshot of a layer. `undefined` when the layer has one afterwards without us: another client was quicker,
 * or a remote snapshotter mounts it from elsewhere, and then it need not be fetched.
 */
export async function prepareLayer(
  backend: ImageBackend,
  layer: LayerToUnpack,
  work: Work,
): Promise<Prepared | undefined> {
  const { snapshotter, chainId, parent, labels } = layer;
  for (let collisions = 0; ; ) {
    const key = `extract-${process.hrtime.bigint()}-${newSuffix()} ${chainId}`;
    try {
      // Cut off, because a remote snapshotter may take minutes; containerd makes no snapshot under a lease that is gone.
      const options = { ...work, timeoutMs: PREPARE_TIMEOUT_MS, cutOff: true };
      const mounts = await backend.snapshots.prepare({ snapshotter, key, parent, labels: { ...labels } }, options);
      return { key, mounts };
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      if (await keepSnapshot(backend, snapshotter, chainId, work)) return undefined;
      if (++collisions >= MAX_COLLISIONS) throw error;
    }
  }
}

/**
 * True when a snapshotter has put the layer's content into the snapshot that it prepared, and wants it committed: EROFS does
 * from its cache of layers. Its last mount is read-only then (containerd 2.4); of the other snapshotters it never is.
 */
export function isStaged({ mounts }: Prepared): boolean {
  const last = mounts.at(-1);
  if (!last) return false;
  const type = last.type.split('/').at(-1); // a mount manager's words stand before it: "format/mkdir/overlay"
  if (type === 'erofs' || last.options.includes('ro')) return true;
  return type === 'overlay' && !last.options.some((option) => option.startsWith('upperdir='));
}

/**
 * Applies a layer to its prepared snapshot, unless it is staged, and commits that. If it fails the snapshot is gone. That the
 * content gets the label of its uncompressed form, `labelUnpacked` sees to.
 */
export async function applyLayer(
  backend: ImageBackend,
  layer: LayerToUnpack,
  prepared: Prepared,
  work: Work,
): Promise<void> {
  const { snapshotter, chainId, labels, descriptor } = layer;
  try {
    if (!isStaged(prepared)) await applyTo(backend, layer, prepared, work);
    await backend.snapshots.commit(
      { snapshotter, name: chainId, key: prepared.key, labels: { ...labels } },
      { ...work, timeoutMs: layerTimeoutMs(descriptor.size) },
    );
  } catch (error) {
    await removePrepared(backend, snapshotter, prepared);
    // Whoever was quicker has made the same snapshot.
    if (!isAlreadyExists(error) || !(await keepSnapshot(backend, snapshotter, chainId, work))) throw error;
  }
}

/** Afterwards the content of a layer that was applied says what it is when it is uncompressed. */
export async function labelUnpacked(
  backend: ImageBackend,
  { descriptor, diffId }: LayerToUnpack,
  work: Work,
): Promise<void> {
  await ensureLabels(backend.content, descriptor.digest, { [UNCOMPRESSED_LABEL]: diffId }, work);
}

/** Removes a prepared snapshot that came to nothing. What cannot be removed goes with the lease. */
export async function removePrepared(backend: ImageBackend, snapshotter: string, { key }: Prepared): Promise<void> {
  await backend.snapshots.remove({ snapshotter, key }).catch(() => false);
}

async function applyTo(
  backend: ImageBackend,
  { descriptor, diffId }: LayerToUnpack,
  { mounts }: Prepared,
  work: Work,
): Promise<void> {
  let applied: Descriptor;
  try {
    const options = { ...work, timeoutMs: layerTimeoutMs(descriptor.size) };
    applied = await backend.diff.apply({ diff: descriptor, mounts: [...mounts] }, options);
  } catch (error) {
    if (work.signal.aborted) throw work.signal.reason;
    if (isUnavailable(error) || isDeadlineExceeded(error)) throw error; // containerd's trouble, not the layer's
    throw refused(`the layer ${descriptor.digest} of the type "${descriptor.mediaType}" cannot be unpacked`, error);
  }
  if (applied.digest !== diffId) {
    throw refused(`the layer ${descriptor.digest} holds ${applied.digest}, but the image's config says ${diffId}`);
  }
}
