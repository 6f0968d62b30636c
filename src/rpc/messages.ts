import type { Writable } from 'node:stream';
import { Code } from './code';
import { RpcError } from './rpc-error';

/** Up to this size a message is copied behind its prefix rather than sent after it. */
const COPIED_BYTES = 16 * 1024;
/** Before each message: a byte that says whether it is compressed, and its length in four (gRPC over HTTP2). */
export const PREFIX_BYTES = 5;

/** The number of bytes of a message in parts. */
export function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Writes a message of these parts, not compressed; `sent` is called when the connection has taken it, or will not. False:
 * no room for more.
 */
export function framed(parts: readonly Buffer[], stream: Writable, sent?: (error?: Error | null) => void): boolean {
  const length = lengthOf(parts);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(length, 1);
  if (length <= COPIED_BYTES) return stream.write(Buffer.concat([prefix, ...parts]), sent);
  stream.cork();
  stream.write(prefix);
  const last = parts.length - 1;
  const room = parts.map((part, index) => stream.write(part, index === last ? sent : undefined));
  stream.uncork();
  return room[last] ?? true;
}

/** Puts messages together from the pieces they come in. */
export class MessageReader {
  private pieces: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly limit: number) {}

  /** Takes a piece. Messages share its memory where they lie in one. */
  push(piece: Buffer): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
  }

  /** The next message that is complete; undefined when there is none. Throws an RpcError when it must not be read. */
  next(): Buffer | undefined {
    if (this.bytes < PREFIX_BYTES) return undefined;
    const first = this.first(PREFIX_BYTES);
    const end = PREFIX_BYTES + first.readUInt32BE(1);
    if (first[0] !== 0) throw new RpcError(Code.UNIMPLEMENTED, 'a message is compressed, which was not asked for');
    if (end - PREFIX_BYTES > this.limit) {
      throw new RpcError(Code.RESOURCE_EXHAUSTED, `a message of ${end - PREFIX_BYTES} bytes is over the limit`);
    }
    if (this.bytes < end) return undefined;
    const whole = this.first(end);
    this.bytes -= end;
    const rest = whole.subarray(end);
    if (rest.length > 0) this.pieces[0] = rest;
    else this.pieces.shift();
    return whole.subarray(PREFIX_BYTES, end);
  }

  /** True when no part of a message is left. */
  get empty(): boolean {
    return this.bytes === 0;
  }

  /** The first piece, made to hold at least so many bytes. */
  private first(bytes: number): Buffer {
    const [piece] = this.pieces;
    if (piece !== undefined && piece.length >= bytes) return piece;
    const all = Buffer.concat(this.pieces);
    this.pieces = [all];
    return all;
  }
}
