import type { Descriptor, ListedImage } from '../../model/image';
import type { ImageBackend } from '../backend';
import { type ChosenImage, chooseImage } from '../document/choose-image';
import { chainIds } from '../document/digest';
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES } from '../document/document-limits';
import type { Platform } from '../document/platform';

/**
 * Reads from the content store what a name in the image store points at. Throws a PullError when a document is missing
 * or cannot be used; layers are not looked for.
 */
export function readLocalImage(
  content: ImageBackend['content'],
  target: Descriptor,
  platform: Platform,
  signal?: AbortSignal,
): Promise<ChosenImage> {
  const read = ({ digest }: Descriptor, maxBytes: number): Promise<Buffer | undefined> =>
    content.readAll(digest, { maxBytes, signal });
  const source = {
    manifest: (descriptor: Descriptor) => read(descriptor, MAX_MANIFEST_BYTES),
    config: (descriptor: Descriptor) => read(descriptor, MAX_CONFIG_BYTES),
  };
  return chooseImage(target, { source, platform, anyPlatform: true });
}

/** What an image is apart from its names. */
export type ImageFacts = Omit<ListedImage, 'references' | 'pinned' | 'target'>;

/** The facts of an image. They are shared by all who ask for it and therefore frozen. */
export function imageFacts(chosen: ChosenImage): ImageFacts {
  const { indexes, manifest, config, layers, parsed } = chosen;
  // As containerd counts: all that the name leads to on this platform, an index too.
  const blobs = [...indexes, manifest, config, ...layers.map(({ descriptor }) => descriptor)];
  return {
    id: config.digest,
    chainId: chainIds(parsed.diffIds).at(-1) ?? '',
    diffIds: Object.freeze([...parsed.diffIds]),
    size: blobs.reduce((sum, { size }) => sum + size, 0n),
    user: parsed.config.user,
    platform: Object.freeze({ ...parsed.platform }),
  };
}
