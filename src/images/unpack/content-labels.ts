import type { ImageBackend, Work } from '../backend';
import type { Document } from '../document/manifests';
import type { Reference } from '../document/reference';

const CHILD = 'containerd.io/gc.ref.content';
const SOURCE = 'containerd.io/distribution.source';
/** Set on a compressed layer: the digest of what is in it. */
export const UNCOMPRESSED_LABEL = 'containerd.io/uncompressed';
/** containerd refuses a label whose key and value are together longer. */
export const MAX_LABEL = 4096;

/** Label on an image's config by which containerd keeps its snapshots as long as the config. */
export function snapshotRefLabel(snapshotter: string): string {
  return `containerd.io/gc.ref.snapshot.${snapshotter}`;
}

/**
 * The labels by which containerd's garbage collector finds what a document refers to. Layers are left out on request:
 * they are then collected once the image is unpacked.
 */
export function childLabels(document: Document, options: { withLayers: boolean }): Record<string, string> {
  if (document.kind === 'index') {
    return Object.fromEntries(document.manifests.map(({ descriptor }, i) => [`${CHILD}.m.${i}`, descriptor.digest]));
  }
  const layers = options.withLayers ? document.layers : [];
  return {
    [`${CHILD}.config`]: document.config.digest,
    ...Object.fromEntries(layers.map(({ descriptor }, i) => [`${CHILD}.l.${i}`, descriptor.digest])),
  };
}

/** The label that tells from which repository of which registry content came; other clients mount blobs across by it. */
export function sourceLabels(reference: Reference): Record<string, string> {
  return { [`${SOURCE}.${reference.domain}`]: reference.path };
}

/** Sees to it that content which is there has these labels. Several sources of one registry are kept side by side. */
export async function ensureLabels(
  content: ImageBackend['content'],
  digest: string,
  labels: Readonly<Record<string, string>>,
  { signal, lease }: Work,
): Promise<void> {
  const info = await content.info(digest, { signal });
  if (!info) return;
  const entries = Object.entries(labels).map(([key, value]): [string, string] => [
    key,
    key.startsWith(`${SOURCE}.`) ? joinedSources(key, info.labels[key], value) : value,
  ]);
  const changed = entries.filter(([key, value]) => info.labels[key] !== value);
  if (changed.length > 0) await content.updateLabels(digest, Object.fromEntries(changed), { signal, lease });
}

function joinedSources(key: string, known: string | undefined, added: string): string {
  const all = [...new Set([...(known ?? '').split(','), added])].filter((path) => path !== '').sort();
  const joined = all.join(',');
  return key.length + joined.length <= MAX_LABEL ? joined : (known ?? added);
}
