import type { Image } from '../../model/image';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { CriDeps } from '../deps';
import { notReady } from '../errors';

/** What a record says of a pause image that is not here. */
const STAND_IN: Pick<Image, 'config'> = {
  config: {
    user: '',
    env: [],
    entrypoint: ['/pause'],
    cmd: [],
    workingDir: '',
    labels: {},
    volumes: [],
    stopSignal: '',
  },
};

/** The pause image for the record of a pod that has no use for it now: it may be absent. */
export async function knownSandboxImage(
  deps: Pick<CriDeps, 'config' | 'images'>,
  signal: AbortSignal,
): Promise<Pick<Image, 'config'>> {
  const here = deps.images.find(deps.config.sandbox_image);
  return here ? deps.images.withConfig(here, signal) : STAND_IN;
}

/** The pause image, pulled when it is not here (unless that is off) and unpacked for the handler's snapshotter. */
export async function ensureSandboxImage(
  deps: Pick<CriDeps, 'config' | 'images' | 'puller' | 'unpacked' | 'log'>,
  handler: RuntimeHandler,
  signal: AbortSignal,
): Promise<Image> {
  const reference = deps.config.sandbox_image;
  const here = deps.images.find(reference);
  if (!here && deps.config.disable_pause_image_pull) {
    throw notReady(`the sandbox image "${reference}" is not here, and disable_pause_image_pull is set`);
  }
  const image = here ?? (await deps.puller.pull({ reference, snapshotter: handler.snapshotter, signal }));
  await deps.unpacked.ensure(image, { snapshotter: handler.snapshotter, signal });
  return deps.images.withConfig(image, signal);
}
