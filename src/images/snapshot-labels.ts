import { MAX_LABEL } from './content-labels';
import type { LayerEntry } from './manifests';

/** Tells a snapshotter which chain of layers a snapshot is going to be. */
const SNAPSHOT_REF = 'containerd.io/snapshot.ref';
const INHERITED = 'containerd.io/snapshot/';
const CRI = 'containerd.io/snapshot/cri.';
/** What a snapshotter does at these is for whoever runs containers to say, not for an image. */
const NOT_FROM_IMAGES = ['containerd.io/snapshot/uidmapping', 'containerd.io/snapshot/gidmapping'];

/** What remote snapshotters (stargz, nydus, SOCI) need to know of an image to mount its layers instead of unpacking them. */
export interface ImageHints {
  /** The reference being pulled. */
  readonly reference: string;
  readonly manifestDigest: string;
  readonly layers: readonly LayerEntry[];
}

/** Labels of the snapshot for layer `at`. Without hints a snapshotter learns the chain id only. */
export function snapshotLabels(chainId: string, hints?: ImageHints, at = 0): Record<string, string> {
  const layer = hints?.layers[at];
  if (!hints || !layer) return { [SNAPSHOT_REF]: chainId };
  const given = Object.entries(layer.descriptor.annotations ?? {}).filter(
    ([key, value]) =>
      key.startsWith(INHERITED) && !NOT_FROM_IMAGES.includes(key) && key.length + value.length <= MAX_LABEL,
  );
  const all: [string, string][] = [
    ...given,
    [SNAPSHOT_REF, chainId],
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
  for (const { descriptor } of layers.slice(at)) {
    const longer = list === '' ? descriptor.digest : `${list},${descriptor.digest}`;
    if (`${CRI}image-layers`.length + longer.length > MAX_LABEL) break;
    list = longer;
  }
  return list;
}
