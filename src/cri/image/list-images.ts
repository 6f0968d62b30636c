import type { Image as CriImage, ListImagesRequest, ListImagesResponse } from '../../../generated/cri/v1/api';
import type { CriDeps } from '../deps';
import { toCriImage } from './cri-image';

/** Every image, or the one that the filter names; from memory. */
export async function listImages(deps: Pick<CriDeps, 'images'>, req: ListImagesRequest): Promise<ListImagesResponse> {
  return { images: matchingImages(deps, req.filter?.image?.image ?? '') };
}

/** All images when nothing is named; else the one named, if it is here. */
export function matchingImages(deps: Pick<CriDeps, 'images'>, wanted: string): CriImage[] {
  if (wanted === '') return deps.images.list().map(toCriImage);
  const image = deps.images.find(wanted);
  return image ? [toCriImage(image)] : [];
}
