/**
 * As much of the FUSE protocol (linux/fuse.h, version 7.31, of a 64-bit machine) as a filesystem of one file needs: `/file`
 * with the text "hello\n". Attributes and names hold for no time, so that every look is a request.
 */

const ROOT = 1n;
const FILE = 2n;
const CONTENT = Buffer.from('hello\n');

const HEADER_IN = 40;
const HEADER_OUT = 16;
const ENOENT = -2;
const ENOSYS = -38;
const BIG_WRITES = 1 << 5;

/** Requests that are not answered at all: FORGET, INTERRUPT, BATCH_FORGET. */
const SILENT: ReadonlySet<number> = new Set([2, 36, 42]);

/** What the kernel asks. */
export interface FuseRequest {
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: bigint;
  readonly body: Buffer;
}

export function parseRequest(bytes: Buffer): FuseRequest {
  return {
    opcode: bytes.readUInt32LE(4),
    unique: bytes.readBigUInt64LE(8),
    node: bytes.readBigUInt64LE(16),
    body: bytes.subarray(HEADER_IN),
  };
}

/** The filesystem of one file: a reply's body, or a negative errno; 0: done. */
export function oneFile(request: FuseRequest): Buffer | number {
  return ANSWERS.get(request.opcode)?.(request) ?? ENOSYS;
}

/** What is written back of what a filesystem answers; undefined for what is not answered. */
export function replyTo(request: FuseRequest, answers: (request: FuseRequest) => Buffer | number): Buffer | undefined {
  if (SILENT.has(request.opcode)) return undefined;
  const answer = answers(request);
  const body = typeof answer === 'number' ? Buffer.alloc(0) : answer;
  const header = Buffer.alloc(HEADER_OUT);
  header.writeUInt32LE(HEADER_OUT + body.length, 0);
  header.writeInt32LE(typeof answer === 'number' ? answer : 0, 4);
  header.writeBigUInt64LE(request.unique, 8);
  return Buffer.concat([header, body]);
}

/** A reply's body, or a negative errno; 0: done. */
type Answer = (request: FuseRequest) => Buffer | number;

const ANSWERS: ReadonlyMap<number, Answer> = new Map<number, Answer>([
  [1, ({ body }) => (body.toString('latin1') === 'file\0' ? entryOf(FILE) : ENOENT)], // LOOKUP
  [3, ({ node }) => Buffer.concat([Buffer.alloc(16), attributesOf(node)])], // GETATTR
  [14, () => Buffer.alloc(16)], // OPEN
  [15, ({ body }) => CONTENT.subarray(Number(body.readBigUInt64LE(8)))], // READ
  [17, fuseStatfs],
  [18, () => 0], // RELEASE
  [25, () => 0], // FLUSH
  [26, () => fuseInit()],
  [27, () => Buffer.alloc(16)], // OPENDIR
  [28, () => Buffer.alloc(0)], // READDIR: names are not told
  [29, () => 0], // RELEASEDIR
  [38, () => 0], // DESTROY
]);

/** The answer to INIT. `bigWrites`: a write comes as a whole, up to 64 KiB. */
export function fuseInit({ bigWrites = false } = {}): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(31, 4);
  body.writeUInt16LE(16, 16); // requests in the background
  body.writeUInt16LE(12, 18);
  body.writeUInt32LE(bigWrites ? BIG_WRITES : 0, 12);
  body.writeUInt32LE(bigWrites ? 65_536 : 4096, 20); // bytes of a write
  body.writeUInt32LE(1, 24); // nanoseconds that times are exact to
  return body;
}

/** What a file or directory is. */
export interface FuseStat {
  readonly mode: number;
  readonly size: bigint;
}

/** `struct fuse_entry_out`. */
export function fuseEntry(node: bigint, stat: FuseStat): Buffer {
  const head = Buffer.alloc(40);
  head.writeBigUInt64LE(node, 0);
  return Buffer.concat([head, fuseAttributes(node, stat)]);
}

/** `struct fuse_attr`. */
export function fuseAttributes(node: bigint, { mode, size }: FuseStat): Buffer {
  const attributes = Buffer.alloc(88);
  attributes.writeBigUInt64LE(node, 0);
  attributes.writeBigUInt64LE(size, 8);
  attributes.writeUInt32LE(mode, 60);
  attributes.writeUInt32LE((mode & 0o170000) === 0o040000 ? 2 : 1, 64);
  attributes.writeUInt32LE(4096, 80);
  return attributes;
}

const statOf = (node: bigint): FuseStat =>
  node === ROOT ? { mode: 0o040755, size: 0n } : { mode: 0o100644, size: BigInt(CONTENT.length) };
const entryOf = (node: bigint): Buffer => fuseEntry(node, statOf(node));
const attributesOf = (node: bigint): Buffer => fuseAttributes(node, statOf(node));

/** `struct fuse_kstatfs`, of a filesystem with room. */
export function fuseStatfs(): Buffer {
  const body = Buffer.alloc(80);
  body.writeBigUInt64LE(1000n, 0); // blocks
  body.writeBigUInt64LE(1000n, 8);
  body.writeBigUInt64LE(1000n, 16);
  body.writeBigUInt64LE(10n, 24); // inodes
  body.writeUInt32LE(4096, 40);
  body.writeUInt32LE(255, 44);
  body.writeUInt32LE(4096, 48);
  return body;
}
