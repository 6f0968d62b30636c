import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Mount } from '../../../../generated/cri/v1/api';
import type { Image } from '../../../model/image';
import { imageVolumePaths } from '../../../oci/image-volumes';
import type { ResolvedVolume } from '../../../oci/inputs';
import { withImageMounted } from '../../../pods/user-files';
import type { CriDeps } from '../../deps';
import type { ContainerRequest } from './container-request';

/** Paths of the image's VOLUMEs that a container of it gets a directory for. Throws an OciError when there are too many. */
export function volumesOf(deps: Pick<CriDeps, 'config'>, { config: { volumes } }: Image, mounts: Mount[]): string[] {
  return deps.config.ignore_image_defined_volumes ? [] : imageVolumePaths(volumes, mounts);
}

/**
 * Gives every VOLUME of the image a directory of the container's own, filled with what the image has there. The content
 * is resolved inside the root filesystem only; volumes that the request mounts itself are left out. Ends with its caller.
 */
export async function copyVolumes(deps: CriDeps, request: ContainerRequest): Promise<ResolvedVolume[]> {
  const { draft, config, image, handler, signal } = request;
  const { id } = draft.metadata;
  const paths = volumesOf(deps, image, config.mounts);
  if (paths.length === 0) return [];
  return withImageMounted(deps, { image, snapshotter: handler.snapshotter }, async (rootfs) => {
    const volumes: ResolvedVolume[] = [];
    for (const containerPath of paths) {
      signal.throwIfAborted();
      const source = join(deps.paths.imageVolumeCopies(id), directoryName(containerPath));
      await deps.host.makeDir(source, 0o755);
      await deps.host.copyImageVolume(rootfs, containerPath, source, signal);
      volumes.push({ containerPath, source });
    }
    return volumes;
  });
}

/** A name that no path can choose. */
function directoryName(containerPath: string): string {
  return createHash('sha256').update(containerPath).digest('hex');
}
