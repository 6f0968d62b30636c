import type { Image } from '../../model/image';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import type { SpecUser } from '../../model/spec';
import { resolveUser } from '../../oci/process/user';
import type { CriDeps } from '../deps';

const FIELD = 'config.linux.security_context';

/** Whom the pause process runs as: the pod's security context, else the image's user. */
export async function sandboxUser(
  deps: Pick<CriDeps, 'userFiles'>,
  sandbox: Sandbox,
  handler: RuntimeHandler,
  image: Image,
): Promise<SpecUser> {
  const files = await deps.userFiles.of(image, handler.snapshotter);
  return resolveUser({
    field: FIELD,
    securityContext: sandbox.metadata.config.linux?.securityContext,
    imageUser: image.config.user,
    ...files,
  });
}

/** The same for a record whose pause process may never run: the image, which may not be here, is not looked into. */
export function userWithoutImage(sandbox: Sandbox): SpecUser {
  const { securityContext } = sandbox.metadata.config.linux ?? {};
  return resolveUser({ field: FIELD, securityContext, imageUser: '' });
}
