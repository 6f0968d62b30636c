import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { LocalPaths } from './local-paths';
import { mountInfoText } from './mount-info';

const PART_BYTES = 16 * 1024;

/** What a look at a file found; `elsewhere`: it lies, or may lie, on a filesystem of another machine or process. */
export type LocalFile =
  | { readonly kind: 'content'; readonly content: Uint8Array }
  | { readonly kind: 'missing' }
  | { readonly kind: 'odd' }
  | { readonly kind: 'large' }
  | { readonly kind: 'elsewhere' };

/** As `readForeignText` in foreign-file.ts, of a file on a filesystem of this machine. Blocks the thread while the disk answers. */
export function readLocallyNow({
  path,
  maxBytes,
  mountInfo = mountInfoText(),
}: {
  readonly path: string;
  readonly maxBytes: number;
  readonly mountInfo?: string;
}): LocalFile {
  const at = new LocalPaths(mountInfo).resolve(path);
  if (at === undefined) return { kind: 'elsewhere' };
  if (at.stats === undefined) return { kind: 'missing' };
  if (!at.stats.isFile()) return { kind: 'odd' };
  // All links have been followed. Another thing may have taken its place meanwhile.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOFOLLOW;
  const file = openSync(at.path, flags);
  try {
    const found = fstatSync(file);
    if (!found.isFile()) return { kind: 'odd' };
    if (found.size > maxBytes) return { kind: 'large' };
    return { kind: 'content', content: readUpTo(file, found.size) };
  } finally {
    closeSync(file);
  }
}

/** The first so many bytes of a file of the kernel's, whose size it does not tell. Throws when there is none. */
export function startOfNow(path: string, maxBytes: number): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const parts: Uint8Array[] = [];
    for (let left = maxBytes; left > 0; ) {
      const part = readUpTo(file, Math.min(left, PART_BYTES));
      if (part.length === 0) break;
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts).toString('utf8');
  } finally {
    closeSync(file);
  }
}

/** The same, up to the end of the last line that is whole within them. */
export function linesOfNow(path: string, maxBytes: number): string {
  const text = startOfNow(path, maxBytes + 1);
  return Buffer.byteLength(text) > maxBytes ? text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1) : text;
}

/** The first so many bytes of a file, or all that it has. */
export function readUpTo(file: number, bytes: number): Uint8Array {
  const buffer = Buffer.alloc(bytes);
  let length = 0;
  while (length < bytes) {
    const bytesRead = readSync(file, buffer, length, bytes - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
