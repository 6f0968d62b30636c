import { MAX_SNAPSHOT_ANNOTATIONS } from '../document/document-limits';
import type { LayerEntry } from '../document/manifests';
import { refused } from '../errors';
import { MAX_LABEL } from './content-labels';

/** Tells a snapshotter which chain of layers a snapshot is going to be. */
const SNAPSHOT_REF = 'containerd.io/snapshot.ref';
const INHERITED = 'containerd.io/snapshot/';
const CRI = `${INHERITED}cri.`;
/** Digest of the layer, uncompressed: EROFS finds its caches by it. */
const DIFF_ID = `${INHERITED}diff-id`;
/** Chain id of the layer below; not on the lowest layer. */
const PARENT_CHAIN_ID = `${INHERITED}parent-chain-id`;
/** What a snapshotter does at these is for whoever runs containers, and unpacks, to say, not for an image. */
const NOT_FROM_IMAGES = [`${INHERITED}uidmapping`, `${INHERITED}gidmapping`, DIFF_ID, PARENT_CHAIN_ID];

/** A layer by its place in an image's chain. */
export interface LayerIds {
  readonly diffId: string;
  readonly chainId: string;
  /** Chain id of the layer below; empty for the lowest. */
  readonly parent: string;
}

/** What remote snapshotters (stargz, nydus, SOCI) need to know of an image to mount its layers instead of unpacking them. */
export interface ImageHints {
  /** The reference being pulled. */
  readonly reference: string;
  readonly manifestDigest: string;
  readonly layers: readonly LayerEntry[];
}

/** Labels of the snapshot for layer `at`, as containerd 2.3 and newer set them. Without hints a snapshotter learns the ids only. */
export function snapshotLabels(ids: LayerIds, hints?: ImageHints, at = 0): Record<string, string> {
  const own = {
    [SNAPSHOT_REF]: ids.chainId,
    [DIFF_ID]: ids.diffId,
    ...(ids.parent !== '' && { [PARENT_CHAIN_ID]: ids.parent }),
  };
  const layer = hints?.layers[at];
  if (!hints || !layer) return own;
  const given = Object.entries(layer.descriptor.annotations ?? {}).filter(
    ([key, value]) =>
      key.startsWith(INHERITED) && !NOT_FROM_IMAGES.includes(key) && key.length + value.length <= MAX_LABEL,
  );
  if (given.length > MAX_SNAPSHOT_ANNOTATIONS)
    throw refused(
      `annotations of the layer ${layer.descriptor.digest} has more than ${MAX_SNAPSHOT_ANNOTATIONS} for snapshotters`,
    );
  const all: [string, string][] = [
    ...given,
    ...Object.entries(own),
    [`${CRI}image-ref`, hints.reference],
    [`${CRI}manifest-digest`, hints.manifestDigest],
    [`${CRI}layer-digest`, layer.descriptor.digest],
    [`${CRI}image-layers`, layerList(hints.layers, at)],
  ];
  return Object.fromEntries(all.filter(([, value]) => value !== ''));
}

/** The digests of this layer and those above it, as many as fit into a label. */
function layerList(layers: readonly LayerEntry[], at: number): string {
  let list = '';
  for (let each = at; each < layers.length; each++) {
    const digest = layers[each]?.descriptor.digest ?? '';
    const longer = list === '' ? digest : `${list},${digest}`;
    if (`${CRI}image-layers`.length + longer.length > MAX_LABEL) break;
    list = longer;
  }
  return list;
}
