import type { Image as CriImage } from '../../../generated/cri/v1/api';
import type { ListedImage } from '../../model/image';
import type { ImageNames } from '../../state/cri-shapes';

/** An image as CRI shows it. A numeric user of the image's config is a uid, anything else a name. */
export function toCriImage(image: ListedImage): CriImage {
  const user = image.user.split(':')[0] ?? '';
  const numeric = /^\d+$/.test(user);
  return {
    id: image.id,
    repoTags: image.references.filter((reference) => !reference.includes('@')),
    repoDigests: image.references.filter((reference) => reference.includes('@')),
    size: image.size,
    uid: numeric ? { value: BigInt(user) } : undefined,
    username: numeric ? '' : user,
    spec: { image: image.id, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' },
    pinned: image.pinned,
  };
}

/** How statuses name an image: its first tag and its first digest, or its id where it has none. */
export function imageNames(image: ListedImage): ImageNames {
  const { repoTags, repoDigests } = toCriImage(image);
  return { image: repoTags[0] ?? image.id, imageRef: repoDigests[0] ?? image.id };
}
