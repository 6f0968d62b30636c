import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** A blob with what a manifest says of it. */
export interface TestBlob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly data: Buffer;
}

/** An image as a registry holds it. */
export interface TestImage {
  readonly manifest: TestBlob;
  readonly config: TestBlob;
  readonly layers: readonly TestBlob[];
  readonly diffIds: readonly string[];
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** `sha256:…` of some bytes. */
export function sha256(data: Buffer | string): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** A blob of some bytes. */
export function blob(data: Buffer | string, mediaType: string): TestBlob {
  const bytes = Buffer.from(data);
  return { mediaType, digest: sha256(bytes), size: bytes.length, data: bytes };
}

/** What a manifest or an index says of a blob. */
export function descriptor({ mediaType, digest, size }: TestBlob): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest, size };
}

/** A tar archive with one file, as much of the format as unpacking it takes. */
export function tarOf(name: string, content: Buffer | string): Buffer {
  const data = Buffer.from(content);
  const header = Buffer.alloc(512);
  const put = (text: string, at: number): void => void header.write(text, at, 'latin1');
  put(name, 0);
  put('0000644\0', 100);
  put('0000000\0', 108);
  put('0000000\0', 116);
  put(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
  put('00000000000\0', 136);
  put('        ', 148);
  put('0', 156);
  put('ustar\x0000', 257);
  put(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  const padding = Buffer.alloc((512 - (data.length % 512)) % 512);
  return Buffer.concat([header, data, padding, Buffer.alloc(1024)]);
}

/** An image of gzipped tar layers with these files' contents. `config` goes into the config document, `manifest` into the manifest. */
export function testImage(
  layers: readonly (Buffer | string)[],
  more: { config?: object; manifest?: object } = {},
): TestImage {
  const tars = layers.map((content, at) => tarOf(`file${at}`, content));
  const diffIds = tars.map(sha256);
  const blobs = tars.map((tar) => blob(gzipSync(tar), OCI_LAYER));
  const config = blob(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
      rootfs: { type: 'layers', diff_ids: diffIds },
      ...more.config,
    }),
    OCI_CONFIG,
  );
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor(config),
    layers: blobs.map(descriptor),
    ...more.manifest,
  };
  return { manifest: blob(JSON.stringify(document), OCI_MANIFEST), config, layers: blobs, diffIds };
}

/** An index over images, each for the platform given with it. */
export function testIndex(entries: readonly { image: TestImage; platform?: object }[], more: object = {}): TestBlob {
  const manifests = entries.map(({ image, platform }) => ({ ...descriptor(image.manifest), platform }));
  return blob(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more }), OCI_INDEX);
}
