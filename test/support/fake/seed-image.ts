import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Kind } from '../../../generated/containerd/services/snapshots/v1/snapshots';
import type { FakeContainerd } from '../fake-containerd';
import { digestOf } from './content-rows';

export interface Seed {
  name: string;
  /** The `config` object of the image's config document. */
  config?: Record<string, unknown>;
  /** Uncompressed layers, lowest first; default: one. */
  layers?: Buffer[];
  labels?: Record<string, string>;
  snapshotter?: string;
}

export interface Seeded {
  digest: string;
  configDigest: string;
  chainId: string;
  diffIds: string[];
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Puts an image into the fake as a pull leaves it: blobs with their labels, unpacked layers, a name. */
export function seedImage(fake: FakeContainerd, seed: Seed): Seeded {
  const { name, config = {}, layers = [Buffer.from(name)], labels = {}, snapshotter = 'overlayfs' } = seed;
  const now = fake.world.now();
  const times = { createdAt: now, updatedAt: now };
  const put = (data: Buffer, mediaType: string, blobLabels: Record<string, string> = {}) => {
    const digest = digestOf(data);
    fake.state.blobs.set(digest, { data, labels: blobLabels, ...times });
    return { mediaType, digest, size: data.length };
  };
  const diffIds = layers.map(digestOf);
  const blobs = layers.map((tar) => put(gzipSync(tar), LAYER, { 'containerd.io/uncompressed': digestOf(tar) }));
  const chainIds: string[] = [];
  for (const diffId of diffIds) chainIds.push(chainIdOf(chainIds.at(-1), diffId));
  chainIds.forEach((chainId, at) => {
    const info = { name: chainId, parent: chainIds[at - 1] ?? '', kind: Kind.COMMITTED, labels: {}, ...times };
    fake.state.snapshots.set(`${snapshotter} ${chainId}`, info);
  });
  const chainId = chainIds.at(-1) ?? '';
  const document = { architecture: 'amd64', os: 'linux', config, rootfs: { type: 'layers', diff_ids: diffIds } };
  const configBlob = put(json(document), CONFIG, { [`containerd.io/gc.ref.snapshot.${snapshotter}`]: chainId });
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: configBlob, layers: blobs };
  const refs = [configBlob, ...blobs].map(({ digest }, at) => [`containerd.io/gc.ref.content.${at}`, digest]);
  const target = put(json(manifest), MANIFEST, Object.fromEntries(refs) as Record<string, string>);
  const wireTarget = { ...target, size: BigInt(target.size), annotations: {} };
  fake.state.images.set(name, { name, labels, target: wireTarget, ...times });
  return { digest: target.digest, configDigest: configBlob.digest, chainId, diffIds };
}

function chainIdOf(parent: string | undefined, diffId: string): string {
  if (parent === undefined) return diffId;
  return `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
