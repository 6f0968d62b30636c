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

/** What is written back; undefined for what is not answered. */
export function answerTo(request: FuseRequest): Buffer | undefined {
  if (SILENT.has(request.opcode)) return undefined;
  const answer = ANSWERS.get(request.opcode)?.(request) ?? ENOSYS;
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
  [17, statfs],
  [18, () => 0], // RELEASE
  [25, () => 0], // FLUSH
  [26, init],
  [27, () => Buffer.alloc(16)], // OPENDIR
  [28, () => Buffer.alloc(0)], // READDIR: names are not told
  [29, () => 0], // RELEASEDIR
  [38, () => 0], // DESTROY
]);

function init(): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(31, 4);
  body.writeUInt16LE(16, 16); // requests in the background
  body.writeUInt16LE(12, 18);
  body.writeUInt32LE(4096, 20); // bytes of a write
  body.writeUInt32LE(1, 24); // nanoseconds that times are exact to
  return body;
}

function entryOf(node: bigint): Buffer {
  const head = Buffer.alloc(40);
  head.writeBigUInt64LE(node, 0);
  return Buffer.concat([head, attributesOf(node)]);
}

function attributesOf(node: bigint): Buffer {
  const attributes = Buffer.alloc(88);
  attributes.writeBigUInt64LE(node, 0);
  attributes.writeBigUInt64LE(node === ROOT ? 0n : BigInt(CONTENT.length), 8);
  attributes.writeUInt32LE(node === ROOT ? 0o040755 : 0o100644, 60);
  attributes.writeUInt32LE(node === ROOT ? 2 : 1, 64);
  attributes.writeUInt32LE(4096, 80);
  return attributes;
}

function statfs(): Buffer {
  const body = Buffer.alloc(80);
  body.writeBigUInt64LE(1000n, 0); // blocks
  body.writeBigUInt64LE(10n, 24); // inodes
  body.writeUInt32LE(4096, 40);
  body.writeUInt32LE(255, 44);
  body.writeUInt32LE(4096, 48);
  return body;
}
