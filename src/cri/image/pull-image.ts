import type { PullImageRequest, PullImageResponse } from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';
import { requireHandler } from '../sandbox/new-sandbox';

/** Annotation by which older kubelets say for which runtime an image is pulled. */
const HANDLER_ANNOTATION = 'io.containerd.cri.runtime-handler';

/** Fetches and unpacks an image. Afterwards it is listed and containers can be made of it; the answer is its id. */
export async function pullImage(deps: CriDeps, req: PullImageRequest, call: Call): Promise<PullImageResponse> {
  const reference = req.image?.image ?? '';
  if (reference === '') throw invalid('image.image', 'is empty');
  const handlerName = req.image?.runtimeHandler || req.sandboxConfig?.annotations[HANDLER_ANNOTATION] || '';
  const handler = requireHandler(deps, handlerName);
  const image = await deps.puller.pull({
    reference,
    auth: req.auth,
    snapshotter: handler.snapshotter,
    signal: call.signal,
  });
  return { imageRef: image.id };
}
