import { posix } from 'node:path';
import type { ContainerConfig } from '../../../generated/cri/v1/api';
import type { ImageConfig } from '../../model/image';
import { checkPathInside } from '../check-path';
import { OciError } from '../oci-error';

/** Descriptors of the runtime's own process: a directory among them is a way out of the container. */
const DESCRIPTORS = /^\/proc\/[^/]+(\/task\/[^/]+)?\/(fd|fdinfo|map_files)(\/|$)/;

/**
 * The working directory: the request's, the image's, else `/`; a relative one starts at `/`. One below /proc/<pid>/fd
 * is refused: a runtime that leaks a directory descriptor would put the process on the host (CVE-2024-21626).
 */
export function containerCwd(
  config: Pick<ContainerConfig, 'workingDir'>,
  image: Pick<ImageConfig, 'workingDir'>,
  fallback = '/',
): string {
  const asked = config.workingDir || image.workingDir || fallback;
  const field = config.workingDir ? 'config.working_dir' : 'image.config.WorkingDir';
  const cwd = asked.startsWith('/') ? asked : posix.join('/', asked);
  checkPathInside(cwd, field);
  if (DESCRIPTORS.test(posix.normalize(cwd)) || DESCRIPTORS.test(cwd.replace(/\/+/g, '/'))) {
    throw new OciError(field, `${JSON.stringify(asked)} leads to a process's open files`);
  }
  return cwd;
}
