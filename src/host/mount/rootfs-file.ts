import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { BadInputError } from '../bad-input';
import type { Syscalls } from '../syscall/syscalls';
import { openPlaceNow } from './place';
import { readUpTo } from './read-locally';

/** As `readRootfsFile` in user-lookup.ts; blocks the thread while the filesystem answers. */
export function readRootfsFileNow(
  { rootfs, path, maxBytes }: { rootfs: string; path: string; maxBytes: number },
  syscalls: Syscalls | undefined,
): Uint8Array | undefined {
  const place = openPlaceNow(rootfs, path, syscalls);
  if (place === undefined) return undefined;
  try {
    if (place.kind !== 'file') throw new BadInputError(`"${path}" in the image is not a regular file`);
    if (place.size > maxBytes) throw tooLarge(path, maxBytes);
    const file = openSync(`/proc/self/fd/${place.fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const content = readUpTo(file, Math.min(fstatSync(file).size, maxBytes) + 1);
      // It may be growing: its size was true a moment ago.
      if (content.length > maxBytes) throw tooLarge(path, maxBytes);
      return content;
    } finally {
      closeSync(file);
    }
  } finally {
    closeSync(place.fd);
  }
}

function tooLarge(path: string, maxBytes: number): Error {
  return new BadInputError(`"${path}" in the image is larger than ${maxBytes} bytes`);
}
