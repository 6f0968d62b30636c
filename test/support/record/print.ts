import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Values of decoded messages as JSON for a fixture: 64-bit integers become decimal strings, bytes become `{text}` when they
 * are UTF-8 (an extension's exact JSON, say) and `{base64}` otherwise.
 */
export function printable(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return printableBytes(Buffer.from(value));
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, printable(item)]));
  if (Array.isArray(value)) return value.map(printable);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, printable(item)]));
  }
  return value;
}

function printableBytes(bytes: Buffer): { text: string } | { base64: string } {
  const text = bytes.toString('utf8');
  const clean = Buffer.from(text).equals(bytes) && !hasControl(text);
  return clean ? { text } : { base64: bytes.toString('base64') };
}

function hasControl(text: string): boolean {
  return [...text].some((char) => char < ' ' && char !== '\n' && char !== '\t');
}

export interface TreeRow {
  readonly path: string;
  readonly type: 'directory' | 'file' | 'fifo' | 'socket' | 'symlink' | 'device';
  readonly mode: string;
  readonly owner: string;
  readonly target?: string;
  /** Something is mounted there: a tmpfs, a pinned network namespace, a root file system. */
  readonly mounted?: true;
}

/** Every path below a folder with type, mode and owner, sorted; contents of mounts are left out. */
export function treeOf(root: string, path = ''): TreeRow[] {
  const device = lstatSync(root).dev;
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => {
      const child = join(path, name);
      const row = rowOf(root, child);
      if (row.type !== 'symlink' && lstatSync(join(root, child)).dev !== device)
        return [{ ...row, mounted: true as const }];
      return row.type === 'directory' ? [row, ...treeOf(root, child)] : [row];
    });
}

function rowOf(root: string, path: string): TreeRow {
  const info = lstatSync(join(root, path));
  const type = info.isDirectory()
    ? 'directory'
    : info.isFile()
      ? 'file'
      : info.isFIFO()
        ? 'fifo'
        : info.isSocket()
          ? 'socket'
          : info.isSymbolicLink()
            ? 'symlink'
            : 'device';
  const row = {
    path,
    type,
    mode: (info.mode & 0o7777).toString(8).padStart(4, '0'),
    owner: `${info.uid}:${info.gid}`,
  } as const;
  return type === 'symlink' ? { ...row, target: readlinkSync(join(root, path)) } : row;
}

/** Text of a small file, or its size and digest when it is no text. */
export function contentOf(path: string): string {
  const bytes = readFileSync(path);
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes) && !hasControl(text)) return text;
  return `${bytes.length} bytes, sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
