import { posix } from 'node:path';
import type { Mount } from '../../generated/cri/v1/api';
import { checkPathInside } from './check-path';
import { OciError } from './oci-error';

/** kubelet looks for this word at the start of the message. */
const TOKEN = 'ImageVolumeMountFailed';

/**
 * How many VOLUMEs of an image get a directory each, which is filled from the image before its container is there. Images have
 * a handful.
 */
export const MAX_IMAGE_VOLUMES = 256;

/** A path inside a container as an absolute one without `.`, `..` and doubled slashes. */
export function cleanPath(path: string): string {
  const clean = posix.normalize(posix.join('/', path));
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** True when a mount is of an image instead of a host path. */
export function isImageMount(mount: Mount): boolean {
  return (mount.image?.image ?? '') !== '';
}

/** Checks what a request says about an image volume, before anything is mounted for it. */
export function checkImageMount(mount: Mount, field: string): void {
  if (!isImageMount(mount)) {
    if (mount.imageSubPath) throw new OciError(`${field}.image_sub_path`, 'is for image volumes only');
    return;
  }
  if (mount.hostPath) throw new OciError(`${field}.host_path`, 'must be empty for an image volume', { token: TOKEN });
  if (!mount.readonly) throw new OciError(`${field}.readonly`, 'must be true for an image volume', { token: TOKEN });
  const path = mount.imageSubPath;
  if (path.startsWith('/') || path.includes('\0') || path.split('/').includes('..')) {
    throw new OciError(`${field}.image_sub_path`, `${JSON.stringify(path)} is not a path inside the image`, {
      token: TOKEN,
    });
  }
}

/**
 * The VOLUMEs of an image that need a directory of their own: those that no mount of the request takes the place of. Throws an
 * OciError for more than there may be, and for a path that no kernel takes.
 */
export function imageVolumePaths(volumes: readonly string[], mounts: readonly Mount[]): string[] {
  const field = 'image.config.Volumes';
  if (volumes.length > MAX_IMAGE_VOLUMES) {
    throw new OciError(field, `has ${volumes.length} paths, ${MAX_IMAGE_VOLUMES} are the limit`);
  }
  for (const path of volumes) checkPathInside(path, field);
  const taken = new Set(mounts.map((mount) => cleanPath(mount.containerPath)));
  const wanted = volumes.filter((path) => path !== '' && !path.split('/').includes('..')).map(cleanPath);
  return [...new Set(wanted)].filter((path) => path !== '/' && !taken.has(path));
}
