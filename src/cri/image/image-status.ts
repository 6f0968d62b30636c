import type { ImageStatusRequest, ImageStatusResponse } from '../../../generated/cri/v1/api';
import { stringifyJson } from '../../base/json';
import { imageSpecJson } from '../../images/image-config';
import type { Image } from '../../model/image';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';
import { toCriImage } from './cri-image';

/** The image that a reference, an id or an id's prefix names; an empty answer when it is not here. */
export async function imageStatus(
  deps: Pick<CriDeps, 'images'>,
  req: ImageStatusRequest,
): Promise<ImageStatusResponse> {
  const wanted = req.image?.image ?? '';
  if (wanted === '') throw invalid('image.image', 'is empty');
  const image = deps.images.find(wanted);
  if (!image) return { image: undefined, info: {} };
  return { image: toCriImage(image), info: req.verbose ? { info: verboseInfo(image) } : {} };
}

function verboseInfo(image: Image): string {
  return stringifyJson({ chainID: image.chainId, imageSpec: imageSpecJson(image.rawConfig) });
}
