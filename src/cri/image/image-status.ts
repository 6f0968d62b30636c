import type { ImageStatusRequest, ImageStatusResponse } from '../../../generated/cri/v1/api';
import { stringifyJson } from '../../base/json/json';
import { imageSpecJson } from '../../images/document/image-config';
import type { ListedImage } from '../../model/image';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';
import { toCriImage } from './cri-image';

/** The image that a reference, an id or an id's prefix names; an empty answer when it is not here. */
export async function imageStatus(
  deps: Pick<CriDeps, 'images'>,
  req: ImageStatusRequest,
  call: Partial<Pick<Call, 'signal'>> = {},
): Promise<ImageStatusResponse> {
  const wanted = req.image?.image ?? '';
  if (wanted === '') throw invalid('image.image', 'is empty');
  const image = deps.images.find(wanted);
  if (!image) return { image: undefined, info: {} };
  return { image: toCriImage(image), info: req.verbose ? { info: await verboseInfo(deps, image, call) } : {} };
}

async function verboseInfo(
  { images }: Pick<CriDeps, 'images'>,
  image: ListedImage,
  { signal }: Partial<Pick<Call, 'signal'>>,
): Promise<string> {
  const document = await images.configDocument(image.id, signal);
  return stringifyJson({ chainID: image.chainId, imageSpec: imageSpecJson(document) });
}
