import { newSuffix } from '../../base/ids';
import { KeyedMutex } from '../../base/work/keyed-mutex';
import type { ListedImage } from '../../model/image';
import { type ImageBackend, underLease, type Work } from '../backend';
import { hostPlatform, runsArchitecture } from '../document/platform';
import { refused } from '../errors';
import { readLocalImage } from '../store/local-image';
import { ensureLabels, snapshotRefLabel } from './content-labels';
import { unpackImage } from './unpack-image';

export interface UnpackRequest {
  readonly snapshotter: string;
  readonly signal: AbortSignal;
  /** Keeps what is made; without one it is kept by the image's config alone, as soon as all is done. */
  readonly lease?: string;
}

/**
 * Sees to it that containers can be made of an image with this snapshotter. An image that was imported without being
 * unpacked (`kind load`), or pulled for another snapshotter, is unpacked from the content store. Throws a PullError
 * when its layers are not there.
 */
export async function ensureUnpacked(
  { containerd }: { readonly containerd: ImageBackend },
  image: ListedImage,
  request: UnpackRequest,
): Promise<void> {
  const { snapshotter, signal, lease } = request;
  if (image.chainId === '') return;
  if (await containerd.snapshots.stat({ snapshotter, key: image.chainId }, { signal })) {
    // Another image may have brought the snapshot here: it must not go with that one.
    const keep = { [snapshotRefLabel(snapshotter)]: image.chainId };
    return ensureLabels(containerd.content, image.id, keep, { lease: lease ?? '', signal });
  }
  if (lease !== undefined) return unpackHere(containerd, image, snapshotter, { lease, signal });
  await underLease(containerd, `crisp-unpack-${newSuffix()}`, (own) =>
    unpackHere(containerd, image, snapshotter, { lease: own, signal }),
  );
}

async function unpackHere(backend: ImageBackend, image: ListedImage, snapshotter: string, work: Work): Promise<void> {
  const { content } = backend;
  const host = hostPlatform();
  // An index may offer several variants of this machine's architecture, and a config need not say which it is of, or what
  // it is for at all: such an image was chosen for this machine.
  const isHosts = image.platform.architecture === '' || runsArchitecture(image.platform, host);
  const platform = isHosts ? host : image.platform;
  const { config, layers, parsed } = await readLocalImage(content, image.target, platform, work.signal);
  if (config.digest !== image.id) throw refused(`${image.target.digest} does not lead to the image ${image.id}`);
  await unpackImage(
    { snapshotter, configDigest: image.id, layers, diffIds: parsed.diffIds },
    {
      backend,
      work,
      locks: new KeyedMutex(), // whoever else unpacks the same is met by containerd
      content: async (at) => {
        const digest = layers[at]?.descriptor.digest ?? '';
        if (await content.info(digest, { signal: work.signal })) return;
        throw refused(
          `the image ${image.references[0] ?? image.id} is not unpacked for the snapshotter "${snapshotter}", ` +
            `and its layer ${digest} is not in the content store: pull it again`,
        );
      },
    },
  );
}
