import { allEnded } from '../../base/work/all-ended';
import type { KeyedMutex } from '../../base/work/keyed-mutex';
import type { ImageBackend, Work } from '../backend';
import { chainIds } from '../document/digest';
import type { LayerEntry } from '../document/manifests';
import { ensureLabels, snapshotRefLabel } from './content-labels';
import { type ImageHints, snapshotLabels } from './snapshot-labels';
import {
  applyLayer,
  countUnpacked,
  isStaged,
  keepSnapshot,
  type LayerToUnpack,
  labelUnpacked,
  type Prepared,
  prepareLayer,
  removePrepared,
} from './unpack';

/** An image whose layers are to become snapshots. */
export interface ImageToUnpack {
  readonly snapshotter: string;
  readonly configDigest: string;
  readonly layers: readonly LayerEntry[];
  readonly diffIds: readonly string[];
  /** Given when the snapshotter is to be told where layers come from. */
  readonly hints?: ImageHints;
}

export interface Unpacking {
  readonly backend: ImageBackend;
  readonly work: Work;
  /** One at a time unpacks a layer, over all images. */
  readonly locks: KeyedMutex;
  /** Resolves when the content of layer `at` is in the store. Called before the layer is applied, and only if it will be. */
  readonly content: (at: number) => Promise<void>;
  /** Called when somebody else makes, or has made, the snapshot of layer `at`. */
  readonly elsewhere?: (at: number) => void;
}

/**
 * Turns an image's layers into a chain of snapshots, lowest first, each as soon as its content is there. Afterwards the
 * image's config refers to the chain, which lives as long as it does. Layers that have a snapshot are left alone and
 * their content is not asked for.
 */
export async function unpackImage(image: ImageToUnpack, unpacking: Unpacking): Promise<void> {
  const { backend, work } = unpacking;
  const chain = chainIds(image.diffIds);
  const done = await countUnpacked(backend, image.snapshotter, chain, work);
  const labelled: Promise<void>[] = []; // beside the layers that come next
  try {
    for (let at = done; at < chain.length; at++) {
      const layer = layerAt(image, chain, at);
      if (!(await unpackLayer(layer, unpacking, at))) continue;
      const label = labelUnpacked(backend, layer, work);
      label.catch(() => undefined); // it is looked at in the end
      labelled.push(label);
    }
  } finally {
    await allEnded(labelled);
  }
  const top = chain.at(-1);
  if (top === undefined) return;
  await ensureLabels(backend.content, image.configDigest, { [snapshotRefLabel(image.snapshotter)]: top }, work);
}

/**
 * True when the layer's content was applied; false when its snapshot came about without it. The layer is nobody's while its
 * content is on its way: another image with this layer may have a registry that sends it sooner.
 */
async function unpackLayer(layer: LayerToUnpack, unpacking: Unpacking, at: number): Promise<boolean> {
  const { backend, work, locks, content, elsewhere } = unpacking;
  const key = `${layer.snapshotter} ${layer.chainId}`;
  const prepared = await prepareAlone(layer, unpacking, at);
  if (!prepared) return false;
  const orUndone = <T>(act: () => Promise<T>): Promise<T> => orRemoved(backend, layer, prepared, act);
  await orUndone(() => content(at));
  await using _turn = await orUndone(() => locks.hold(key, work.signal));
  if (await orUndone(() => keepSnapshot(backend, layer.snapshotter, layer.chainId, work))) {
    await removePrepared(backend, layer.snapshotter, prepared);
    elsewhere?.(at);
    return false;
  }
  await applyLayer(backend, layer, prepared, work);
  return true;
}

/** A snapshot into which the content is to be applied; undefined when there is the layer's own, made here or elsewhere. */
async function prepareAlone(
  layer: LayerToUnpack,
  { backend, work, locks, elsewhere }: Unpacking,
  at: number,
): Promise<Prepared | undefined> {
  const key = `${layer.snapshotter} ${layer.chainId}`;
  if (locks.isHeld(key)) elsewhere?.(at);
  await using _turn = await locks.hold(key, work.signal);
  const isThere = await keepSnapshot(backend, layer.snapshotter, layer.chainId, work);
  const prepared = isThere ? undefined : await prepareLayer(backend, layer, work);
  if (!prepared) elsewhere?.(at);
  if (!prepared || !isStaged(prepared)) return prepared;
  await applyLayer(backend, layer, prepared, work);
  return undefined;
}

async function orRemoved<T>(
  backend: ImageBackend,
  { snapshotter }: LayerToUnpack,
  prepared: Prepared,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    await removePrepared(backend, snapshotter, prepared);
    throw error;
  }
}

function layerAt(image: ImageToUnpack, chain: readonly string[], at: number): LayerToUnpack {
  const layer = image.layers[at];
  const diffId = image.diffIds[at];
  const chainId = chain[at];
  if (!layer || diffId === undefined || chainId === undefined) throw new RangeError(`the image has no layer ${at}`);
  const ids = { diffId, chainId, parent: chain[at - 1] ?? '' };
  const labels = snapshotLabels(ids, image.hints, at);
  return { snapshotter: image.snapshotter, descriptor: layer.descriptor, ...ids, labels };
}
