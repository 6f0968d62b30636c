import type { RemoveImageRequest, RemoveImageResponse } from '../../../generated/cri/v1/api';
import { removeImage as removeEveryName } from '../../images/store/remove-image';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';

/** Removes an image under all its names. Afterwards it is not listed and its content is collected. Unknown is fine. */
export async function removeImage(deps: CriDeps, req: RemoveImageRequest, call: Call): Promise<RemoveImageResponse> {
  const wanted = req.image?.image ?? '';
  if (wanted === '') throw invalid('image.image', 'is empty');
  const image = deps.images.find(wanted);
  if (image) await removeEveryName({ containerd: deps.containerd, index: deps.images }, image, { signal: call.signal });
  return {};
}
