/** One entry of an image layer. Owner is always root and every time is 0, so that equal trees give equal digests. */
export type TreeEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly data: Buffer }
  | { readonly kind: 'symlink' | 'hardlink'; readonly path: string; readonly target: string };

const BLOCK = 512;
const TYPE_FLAGS = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const;

/** A ustar archive of the entries in their order, ended by two empty blocks. Paths and link targets fit in 100 bytes. */
export function tarOf(entries: readonly TreeEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const data = entry.kind === 'file' ? entry.data : Buffer.alloc(0);
    parts.push(header(entry, data.length), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK));
  }
  parts.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(parts);
}

function header(entry: TreeEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const target = 'target' in entry ? entry.target : '';
  putText(block, 0, entry.kind === 'directory' ? `${entry.path}/` : entry.path);
  putOctal(block, 100, 8, 'mode' in entry ? entry.mode : 0o777);
  putOctal(block, 108, 8, 0);
  putOctal(block, 116, 8, 0);
  putOctal(block, 124, 12, size);
  putOctal(block, 136, 12, 0);
  block.fill(' ', 148, 156); // the checksum counts its own field as spaces
  block.write(TYPE_FLAGS[entry.kind], 156);
  putText(block, 157, target);
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function putText(block: Buffer, offset: number, text: string): void {
  if (Buffer.byteLength(text) > 100) throw new Error(`too long for a ustar header: ${text}`);
  block.write(text, offset);
}

function putOctal(block: Buffer, offset: number, width: number, value: number): void {
  block.write(value.toString(8).padStart(width - 1, '0'), offset, 'latin1');
}
