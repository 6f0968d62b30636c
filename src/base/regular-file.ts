import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { errnoOf } from './errors';

/** What is at a path is a directory, a FIFO, a socket or a device. */
export class NotRegularFile extends Error {
  override readonly name = 'NotRegularFile';
  constructor() {
    super('it is not a regular file');
  }
}

/** A file has more than its reader takes. */
export class FileTooLarge extends Error {
  override readonly name = 'FileTooLarge';
  constructor(maxBytes: number) {
    super(`it is larger than ${maxBytes} bytes`);
  }
}

/**
 * The most that is read of a file whose size others choose: profiles, specs, certificates, configuration. The largest known,
 * a bundle of all certificate authorities, has a quarter of it; JSON of this size is read in some ten milliseconds.
 */
export const MAX_FILE_BYTES = 1 << 20;

/** A link that leads nowhere or in a circle, or a file that may not be read. */
const ODD = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM', 'ENXIO']);

/**
 * Reads a regular file, through links. Rejects with NotRegularFile for anything else, which is not opened (reading a FIFO
 * would wait for a writer, and opening a device may set it going), and with FileTooLarge for one of more than `maxBytes`.
 * A file of size 0 is not read: those of /proc are, and some wait for something to happen, or give each byte only once.
 *
 * A filesystem that does not answer holds up a thread of Node's: what a caller names goes through host/mount/foreign-file.ts.
 */
export async function readRegularFile(path: string, maxBytes = MAX_FILE_BYTES): Promise<Buffer> {
  if (!(await stat(path)).isFile()) throw new NotRegularFile();
  // Another thing may have taken its place meanwhile.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new NotRegularFile();
    if (found.size > maxBytes) throw new FileTooLarge(maxBytes);
    const buffer = Buffer.alloc(found.size); // what it grows by meanwhile is the next reader's
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}

/**
 * True for the errors of `readRegularFile` after which a directory's other files are used: the entry holds no configuration.
 * False for a disk or a network filesystem that fails: what the file says is not known then.
 */
export function isOddEntry(error: unknown): boolean {
  return error instanceof NotRegularFile || error instanceof FileTooLarge || ODD.has(errnoOf(error) ?? '');
}
