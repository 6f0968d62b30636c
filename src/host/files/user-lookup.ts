import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';

/**
 * The most of an image's passwd or group file: some 20,000 users. It is held in memory, and read through for each container of
 * the image, in some milliseconds.
 */
export const MAX_ROOTFS_FILE_BYTES = 1 << 20;

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
