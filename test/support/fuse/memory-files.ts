import { type FuseRequest, fuseAttributes, fuseEntry, fuseInit, fuseStatfs } from './protocol';

const ROOT = 1n;
const DIRECTORY = 0o040755;
const FILE = 0o100640;
const ENOENT = -2;
const ENOSYS = -38;
const ENOTEMPTY = -39;
const FATTR_SIZE = 8;
const TYPE_OF_MODE = 12;

interface Node {
  readonly id: bigint;
  readonly mode: number;
  /** Of a directory. */
  readonly entries: Map<string, Node>;
  /** Of a file. */
  content: Buffer;
}

/** A filesystem in memory as log files need it: directories, and files that are made, appended to, cut, read and renamed. */
export class MemoryFiles {
  private readonly nodes = new Map<bigint, Node>();
  private last = ROOT;

  constructor() {
    this.nodes.set(ROOT, { id: ROOT, mode: DIRECTORY, entries: new Map(), content: Buffer.alloc(0) });
  }

  /** A reply's body, or a negative errno; 0: done. */
  answer(request: FuseRequest): Buffer | number {
    return this.answers.get(request.opcode)?.(request) ?? ENOSYS;
  }

  private readonly answers: ReadonlyMap<number, (request: FuseRequest) => Buffer | number> = new Map([
    [1, ({ node, body }: FuseRequest) => this.lookup(node, textOf(body))],
    [3, ({ node }: FuseRequest) => attributes(this.at(node))],
    [4, (request: FuseRequest) => this.setAttributes(request)],
    [9, ({ node, body }: FuseRequest) => entry(this.make(node, textOf(body.subarray(8)), DIRECTORY))],
    [10, ({ node, body }: FuseRequest) => this.unlink(node, textOf(body))],
    [11, ({ node, body }: FuseRequest) => this.unlink(node, textOf(body))],
    [12, (request: FuseRequest) => this.rename(request, 8)],
    [14, () => Buffer.alloc(16)], // OPEN
    [15, (request: FuseRequest) => this.read(request)],
    [16, (request: FuseRequest) => this.write(request)],
    [17, () => fuseStatfs()],
    [18, () => 0], // RELEASE
    [20, () => 0], // FSYNC
    [25, () => 0], // FLUSH
    [26, () => fuseInit({ bigWrites: true })],
    [27, () => Buffer.alloc(16)], // OPENDIR
    [28, (request: FuseRequest) => this.list(request)],
    [29, () => 0], // RELEASEDIR
    [35, (request: FuseRequest) => this.create(request)],
    [38, () => 0], // DESTROY
    [45, (request: FuseRequest) => this.rename(request, 16)],
  ]);

  private at(id: bigint): Node {
    const node = this.nodes.get(id);
    if (!node) throw new Error(`there is no node ${id}`);
    return node;
  }

  private lookup(dir: bigint, name: string): Buffer | number {
    const found = this.at(dir).entries.get(name);
    return found ? entry(found) : ENOENT;
  }

  private make(dir: bigint, name: string, mode: number): Node {
    const id = ++this.last;
    const made = { id, mode, entries: new Map<string, Node>(), content: Buffer.alloc(0) };
    this.nodes.set(id, made);
    this.at(dir).entries.set(name, made);
    return made;
  }

  private create({ node, body }: FuseRequest): Buffer {
    const name = textOf(body.subarray(16));
    const file = this.at(node).entries.get(name) ?? this.make(node, name, FILE);
    return Buffer.concat([entry(file), Buffer.alloc(16)]);
  }

  private unlink(dir: bigint, name: string): number {
    const { entries } = this.at(dir);
    const found = entries.get(name);
    if (!found) return ENOENT;
    if (found.entries.size > 0) return ENOTEMPTY;
    entries.delete(name);
    return 0;
  }

  private rename({ node, body }: FuseRequest, headBytes: number): number {
    const [from = '', to = ''] = body.subarray(headBytes).toString('utf8').split('\0');
    const { entries } = this.at(node);
    const moved = entries.get(from);
    if (!moved) return ENOENT;
    entries.delete(from);
    this.at(body.readBigUInt64LE(0)).entries.set(to, moved);
    return 0;
  }

  private setAttributes({ node, body }: FuseRequest): Buffer {
    const file = this.at(node);
    if (body.readUInt32LE(0) & FATTR_SIZE) {
      const size = Number(body.readBigUInt64LE(16));
      file.content = Buffer.concat([
        file.content.subarray(0, size),
        Buffer.alloc(Math.max(size - file.content.length, 0)),
      ]);
    }
    return attributes(file);
  }

  private read({ node, body }: FuseRequest): Buffer {
    const from = Number(body.readBigUInt64LE(8));
    return this.at(node).content.subarray(from, from + body.readUInt32LE(16));
  }

  private write({ node, body }: FuseRequest): Buffer {
    const [at, length] = [Number(body.readBigUInt64LE(8)), body.readUInt32LE(16)];
    const file = this.at(node);
    const gap = Buffer.alloc(Math.max(at - file.content.length, 0));
    const rest = file.content.subarray(at + length);
    file.content = Buffer.concat([file.content.subarray(0, at), gap, body.subarray(40, 40 + length), rest]);
    const reply = Buffer.alloc(8);
    reply.writeUInt32LE(length, 0);
    return reply;
  }

  /** All names at once. */
  private list({ node, body }: FuseRequest): Buffer {
    if (body.readBigUInt64LE(8) > 0n) return Buffer.alloc(0);
    let at = 0n;
    const records = [...this.at(node).entries].map(([name, { id, mode }]) => {
      const bytes = Buffer.from(name);
      const record = Buffer.alloc(24 + Math.ceil(bytes.length / 8) * 8);
      record.writeBigUInt64LE(id, 0);
      record.writeBigUInt64LE(++at, 8);
      record.writeUInt32LE(bytes.length, 16);
      record.writeUInt32LE(mode >> TYPE_OF_MODE, 20);
      bytes.copy(record, 24);
      return record;
    });
    return Buffer.concat(records);
  }
}

const sizeOf = ({ content }: Node): bigint => BigInt(content.length);
const entry = (node: Node): Buffer => fuseEntry(node.id, { mode: node.mode, size: sizeOf(node) });
const attributes = (node: Node): Buffer =>
  Buffer.concat([Buffer.alloc(16), fuseAttributes(node.id, { mode: node.mode, size: sizeOf(node) })]);

/** A name as the kernel passes it. */
function textOf(bytes: Buffer): string {
  return bytes.subarray(0, bytes.indexOf(0)).toString('utf8');
}
