import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BadInputError } from './bad-input';
import { openInRoot } from './in-root';
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
  const place = openInRoot(rootfs, path, means);
  if (place === undefined) return undefined;
  try {
    if (place.kind !== 'file') throw new BadInputError(`"${path}" in the image is not a regular file`);
    if (place.size > maxBytes) throw tooLarge(path, maxBytes);
    const file = await open(place.handle, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const content = await readUpTo(file, maxBytes + 1);
      // It may be growing: its size was true a moment ago.
      if (content.length > maxBytes) throw tooLarge(path, maxBytes);
      return content;
    } finally {
      await file.close();
    }
  } finally {
    place.close();
  }
}

function tooLarge(path: string, maxBytes: number): Error {
  return new BadInputError(`"${path}" in the image is larger than ${maxBytes} bytes`);
}

async function readUpTo(file: FileHandle, limit: number): Promise<Buffer> {
  const { size } = await file.stat();
  const buffer = Buffer.alloc(Math.min(size + 1, limit));
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
