import { ensureUnpacked } from '../../images/ensure-unpacked';
import type { Image } from '../../model/image';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { CriDeps } from '../deps';

/** The pause image, pulled when it is not here and unpacked for the handler's snapshotter. */
export async function ensureSandboxImage(
  deps: Pick<CriDeps, 'config' | 'images' | 'puller' | 'containerd' | 'log'>,
  handler: RuntimeHandler,
  signal: AbortSignal,
): Promise<Image> {
  const reference = deps.config.sandbox_image;
  const image =
    deps.images.find(reference) ?? (await deps.puller.pull({ reference, snapshotter: handler.snapshotter, signal }));
  await ensureUnpacked(deps, image, { snapshotter: handler.snapshotter, signal });
  return image;
}
