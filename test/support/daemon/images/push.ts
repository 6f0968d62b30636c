import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { zstdFrame } from './zstd';

/** What an image says about how to run it: the `config` object of the OCI image config. */
export interface ImageRunConfig {
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
}

/** `plain`: one OCI manifest; `docker`: Docker's schema 2; `index`: an OCI index, this platform's manifest beside a foreign one. */
export type ImageShape = 'plain' | 'docker' | 'index';

export interface ImageDefinition {
  /** `repository:tag`, without a registry host. */
  readonly names: readonly string[];
  /** Uncompressed tar archives, lowest first. */
  readonly layers: readonly Buffer[];
  readonly config: ImageRunConfig;
  readonly shape: ImageShape;
  /** How its layers are packed, unless gzipped. `encrypted` only says so. */
  readonly packing?: 'zstd' | 'none' | 'encrypted';
}

interface Descriptor {
  readonly mediaType: string;
  readonly size: number;
  readonly digest: string;
  readonly platform?: { readonly architecture: string; readonly os: string };
}

interface Blob {
  readonly descriptor: Descriptor;
  readonly data: Buffer;
}

const MEDIA_TYPES = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
};
const OTHER_LAYERS = {
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  none: 'application/vnd.oci.image.layer.v1.tar',
  encrypted: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
};
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CREATED = '2026-01-01T00:00:00Z';
const NATIVE = process.arch === 'arm64' ? 'arm64' : 'amd64';
const FOREIGN = NATIVE === 'arm64' ? 'amd64' : 'arm64';

/** The same layer is compressed once, however many images share it. */
export class LayerCache {
  private readonly blobs = new Map<string, Buffer>();

  gzip(diffId: string, tar: Buffer): Buffer {
    const known = this.blobs.get(diffId);
    if (known) return known;
    const compressed = gzipSync(tar, { level: 6 });
    this.blobs.set(diffId, compressed);
    return compressed;
  }
}

/** An image ready to be pushed: its blobs, and its manifests with the one that the tag names last. */
export interface BuiltImage {
  readonly names: readonly string[];
  readonly blobs: readonly Blob[];
  readonly manifests: readonly Blob[];
  /** Digest of what the tag names. */
  readonly digest: string;
}

/** Builds manifests and blobs without a registry; equal definitions give equal digests. */
export function buildImage(definition: ImageDefinition, cache: LayerCache): BuiltImage {
  const native = manifestFor(definition, NATIVE, cache);
  if (definition.shape !== 'index')
    return { names: definition.names, ...native, digest: digestOfLast(native.manifests) };
  const foreign = manifestFor(definition, FOREIGN, cache);
  const platforms = [
    { ...native.manifests[0]?.descriptor, platform: { architecture: NATIVE, os: 'linux' } },
    { ...foreign.manifests[0]?.descriptor, platform: { architecture: FOREIGN, os: 'linux' } },
  ];
  const index = jsonBlob(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests: platforms });
  const manifests = [...native.manifests, ...foreign.manifests, index];
  return {
    names: definition.names,
    blobs: [...native.blobs, ...foreign.blobs],
    manifests,
    digest: digestOfLast(manifests),
  };
}

function manifestFor(definition: ImageDefinition, architecture: string, cache: LayerCache) {
  const types = definition.shape === 'docker' ? MEDIA_TYPES.docker : MEDIA_TYPES.oci;
  const diffIds = definition.layers.map(digestOf);
  const layers = definition.layers.map((tar, i) => {
    if (definition.packing === 'zstd') return blobOf(OTHER_LAYERS.zstd, zstdFrame(tar));
    if (definition.packing === 'none') return blobOf(OTHER_LAYERS.none, tar);
    const type = definition.packing === 'encrypted' ? OTHER_LAYERS.encrypted : types.layer;
    return blobOf(type, cache.gzip(diffIds[i] ?? '', tar));
  });
  const config = jsonBlob(types.config, {
    architecture,
    os: 'linux',
    created: CREATED,
    config: definition.config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: diffIds.map(() => ({ created: CREATED, created_by: 'test/support/daemon/images' })),
  });
  const manifest = jsonBlob(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: config.descriptor,
    layers: layers.map((layer) => layer.descriptor),
  });
  return { blobs: [...layers, config], manifests: [manifest] };
}

/** Afterwards the registry answers each of the image's names; blobs that it has already are not sent again. */
export async function pushImage(registryUrl: string, image: BuiltImage): Promise<void> {
  for (const name of image.names) {
    const colon = name.lastIndexOf(':');
    const repository = name.slice(0, colon);
    for (const blob of image.blobs) await putBlob(registryUrl, repository, blob);
    for (const [i, manifest] of image.manifests.entries()) {
      const last = i === image.manifests.length - 1;
      const reference = last ? name.slice(colon + 1) : manifest.descriptor.digest;
      const type = { 'content-type': manifest.descriptor.mediaType };
      await request(`${registryUrl}/v2/${repository}/manifests/${reference}`, 'PUT', manifest.data, type);
    }
  }
}

async function putBlob(registryUrl: string, repository: string, blob: Blob): Promise<void> {
  const base = `${registryUrl}/v2/${repository}/blobs`;
  const head = await fetch(`${base}/${blob.descriptor.digest}`, { method: 'HEAD' });
  if (head.ok) return;
  const opened = await request(`${base}/uploads/`, 'POST');
  const target = new URL(opened.headers.get('location') ?? '', registryUrl);
  target.searchParams.set('digest', blob.descriptor.digest);
  await request(target.href, 'PUT', blob.data, { 'content-type': 'application/octet-stream' });
}

async function request(
  url: string,
  method: string,
  body?: Buffer,
  headers?: Record<string, string>,
): Promise<Response> {
  const response = await fetch(url, { method, body: body && new Uint8Array(body), headers });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response;
}

function digestOf(data: Buffer): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

function digestOfLast(manifests: readonly Blob[]): string {
  return manifests.at(-1)?.descriptor.digest ?? '';
}

function blobOf(mediaType: string, data: Buffer): Blob {
  return { descriptor: { mediaType, size: data.length, digest: digestOf(data) }, data };
}

function jsonBlob(mediaType: string, value: unknown): Blob {
  return blobOf(mediaType, Buffer.from(JSON.stringify(value)));
}
