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

/** A link that leads nowhere or in a circle, or a file that may not be read. */
const ODD = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM', 'ENXIO']);

/**
 * Reads a regular file, through links. Rejects with NotRegularFile for anything else, which is not opened: reading a FIFO
 * would wait for a writer, and opening a device may set it going.
 */
export async function readRegularFile(path: string): Promise<Buffer> {
  if (!(await stat(path)).isFile()) throw new NotRegularFile();
  // Another thing may have taken its place meanwhile.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new NotRegularFile();
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * True for the errors of `readRegularFile` after which a directory's other files are used: the entry holds no configuration.
 * False for a disk or a network filesystem that fails: what the file says is not known then.
 */
export function isOddEntry(error: unknown): boolean {
  return error instanceof NotRegularFile || ODD.has(errnoOf(error) ?? '');
}
