/** One entry of a tar archive; a directory's name ends with a slash. */
export type TarEntry =
  | { readonly name: string; readonly kind: 'file'; readonly data: Buffer; readonly mode?: number }
  | { readonly name: string; readonly kind: 'directory'; readonly mode?: number }
  | { readonly name: string; readonly kind: 'symlink'; readonly target: string }
  /** A second name of a file. Unpacking sets its mode on the file that both names mean. */
  | { readonly name: string; readonly kind: 'link'; readonly target: string; readonly mode?: number };

const BLOCK = 512;
const TYPE_FLAGS = { file: '0', link: '1', symlink: '2', directory: '5' } as const;

/** A POSIX ustar archive. Owner root and the beginning of 1970 throughout, so that equal entries give equal bytes. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const data = entry.kind === 'file' ? entry.data : Buffer.alloc(0);
    return [header(entry, data.length), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(entry: TarEntry, size: number): Buffer {
  const target = 'target' in entry ? entry.target : '';
  if (Buffer.byteLength(entry.name) > 100 || Buffer.byteLength(target) > 100) {
    throw new Error(`${entry.name}: names over 100 bytes need an extension that is not written here`);
  }
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  };
  block.write(entry.name, 0);
  octal('mode' in entry && entry.mode !== undefined ? entry.mode : defaultMode(entry), 100, 7);
  octal(0, 108, 7); // uid
  octal(0, 116, 7); // gid
  octal(size, 124, 11);
  octal(0, 136, 11); // modification time
  block.fill(' ', 148, 156); // the checksum is taken as if it were blank
  block.write(TYPE_FLAGS[entry.kind], 156);
  block.write(target, 157);
  block.write('ustar\u000000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148, 'latin1');
  return block;
}

const defaultMode = ({ kind }: TarEntry): number =>
  ({ file: 0o644, directory: 0o755, symlink: 0o777, link: 0o644 })[kind];
