import { kernelCall } from './kernel-call';
import { hostMeans, type Means } from './syscalls';

/** Far above any real passwd or group file, and small enough to hold in memory for a moment. */
export const MAX_ROOTFS_FILE_BYTES = 10 * 1024 * 1024;

/**
 * A file of an image such as /etc/passwd, found inside its mounted root filesystem only; undefined when there is none.
 * Images are not to be trusted: anything but a regular file (a FIFO would block, a device would wake), and more than
 * `maxBytes`, is an error that names the file.
 */
export async function readRootfsFile(
  rootfs: string,
  path: string,
  maxBytes = MAX_ROOTFS_FILE_BYTES,
  means: Means = hostMeans(),
): Promise<Buffer | undefined> {
  const input = { rootfs, path, maxBytes };
  const content = await kernelCall(means, 'readRootfsFile', input, { subject: `${rootfs}: ${path}` });
  // From another thread it comes as a plain array of bytes.
  return content && Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}
