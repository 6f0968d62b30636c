import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Architecture } from './pause-elf';
import { type TarEntry, tar } from './tar';

export interface LocalImage {
  /** The full name under which it is imported. */
  readonly name: string;
  readonly architecture: Architecture;
  /** The files of its one layer. */
  readonly files: readonly TarEntry[];
  readonly config: Readonly<Record<string, unknown>>;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** A tar archive of an OCI image layout with this image, as `ctr images import` reads it. */
export function imageArchive({ name, architecture, files, config }: LocalImage): Buffer {
  const blobs: TarEntry[] = [];
  const store = (mediaType: string, data: Buffer) => {
    const hash = sha256(data);
    blobs.push({ name: `blobs/sha256/${hash}`, kind: 'file', data });
    return { mediaType, digest: `sha256:${hash}`, size: data.length };
  };
  const layerTar = tar(files);
  const layer = store(LAYER, gzipSync(layerTar, { level: 9 }));
  const imageConfig = store(
    CONFIG,
    json({
      created: '1970-01-01T00:00:00Z',
      architecture,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layerTar)}`] },
    }),
  );
  const manifest = store(
    MANIFEST,
    json({ schemaVersion: 2, mediaType: MANIFEST, config: imageConfig, layers: [layer] }),
  );
  // containerd reads the first annotation; other tools, which take what follows the colon, the second.
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tagOf(name) };
  const platform = { architecture, os: 'linux' };
  const index = json({ schemaVersion: 2, manifests: [{ ...manifest, platform, annotations }] });
  return tar([
    { name: 'oci-layout', kind: 'file', data: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', kind: 'file', data: index },
    { name: 'blobs/', kind: 'directory' },
    { name: 'blobs/sha256/', kind: 'directory' },
    ...blobs,
  ]);
}

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const tagOf = (name: string): string => name.slice(name.lastIndexOf(':') + 1);
