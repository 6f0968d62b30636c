import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { withImageMounted } from '../../lifecycle/user-files';
import { imageVolumePaths } from '../../oci/image-volumes';
import type { ResolvedVolume } from '../../oci/inputs';
import type { CriDeps } from '../deps';
import type { ContainerRequest } from './container-inputs';

/**
 * Gives every VOLUME of the image a directory of the container's own, filled with what the image has there. The content
 * is resolved inside the root filesystem only; volumes that the request mounts itself are left out.
 */
export async function copyVolumes(deps: CriDeps, request: ContainerRequest): Promise<ResolvedVolume[]> {
  const { draft, config, image, handler } = request;
  const { id } = draft.metadata;
  if (deps.config.ignore_image_defined_volumes) return [];
  const paths = imageVolumePaths(image.config.volumes, config.mounts);
  if (paths.length === 0) return [];
  return withImageMounted(deps, { image, snapshotter: handler.snapshotter }, async (rootfs) => {
    const volumes: ResolvedVolume[] = [];
    for (const containerPath of paths) {
      const source = join(deps.paths.imageVolumeCopies(id), directoryName(containerPath));
      await deps.host.makeDir(source, 0o755);
      await deps.host.copyImageVolume(rootfs, containerPath, source);
      volumes.push({ containerPath, source });
    }
    return volumes;
  });
}

/** A name that no path can choose. */
function directoryName(containerPath: string): string {
  return createHash('sha256').update(containerPath).digest('hex');
}
