import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Code } from '../code';
import { PREFIX_BYTES } from '../messages';
import { RpcError } from '../rpc-error';
import type { HeldBytes, Holder } from './held-bytes';

/** An HTTP/2 stream on which a method is asked for. */
export interface Asked {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** How long the caller waits; absent: for ever. */
  readonly timeoutMs?: number;
  /** The request is many messages. */
  readonly requestStream: boolean;
}

const PLAIN = 0;
const COMPRESSED = 1;
/** What a byte that gzip or deflate has made becomes at most (zlib's "Maximum Compression Factor"). */
const MOST_UNPACKED = 1032;

export interface ArrivalLimits {
  readonly messageBytes: number;
  /** All requests under way. */
  readonly requests: HeldBytes;
  /** How long a request may take to come whole. */
  readonly arrivalMs: number;
}

/**
 * A request of one message, while it comes. The library reads it; this tells, before the library has taken memory for it,
 * of a request that must not be read: of a message that is too large, of more than one message, of what takes too long.
 * Its memory counts until `release`.
 */
export class ArrivingRequest implements Holder {
  /** Until it has come whole. */
  waits = true;
  private readonly prefix = Buffer.alloc(PREFIX_BYTES);
  private bytes = 0;
  private released = false;
  private readonly timer: NodeJS.Timeout;

  /** `wrong` is called once at most, and must see to it that the library reads no more. */
  constructor(
    { stream, headers }: Asked,
    private readonly limits: ArrivalLimits,
    private readonly wrong: (reason: RpcError) => void,
  ) {
    const encoding = headers['grpc-encoding'] ?? 'identity';
    // Before the library, which reads the same pieces.
    stream.prependListener('data', (piece: Buffer) => this.take(piece, encoding !== 'identity'));
    this.timer = setTimeout(() => this.late(), limits.arrivalMs).unref();
  }

  /** It has come whole, as a message of so many bytes: those that a compressed one has become. */
  complete(bytes: number): void {
    this.waits = false;
    clearTimeout(this.timer);
    if (!this.released) this.limits.requests.set(this, bytes);
  }

  /** Nobody has the request any more. */
  release(): void {
    this.waits = false;
    clearTimeout(this.timer);
    this.released = true;
    this.limits.requests.set(this, 0);
  }

  giveUp(): void {
    this.refuse(new RpcError(Code.RESOURCE_EXHAUSTED, 'requests that have not come whole hold too much memory'));
  }

  private late(): void {
    const { arrivalMs } = this.limits;
    this.refuse(new RpcError(Code.DEADLINE_EXCEEDED, `the request has not come whole within ${arrivalMs} ms`));
  }

  private take(piece: Buffer, encoded: boolean): void {
    if (!this.waits) return;
    if (this.bytes < PREFIX_BYTES) piece.copy(this.prefix, this.bytes);
    this.bytes += piece.length;
    const problem = this.bytes < PREFIX_BYTES ? undefined : this.problem(encoded);
    if (problem) this.refuse(problem);
    else this.limits.requests.set(this, this.bytes + this.unpacked);
  }

  /** The most that a compressed message can become; the library stops at the limit of a message. */
  private get unpacked(): number {
    if (this.prefix[0] !== COMPRESSED) return 0;
    const announced = this.bytes < PREFIX_BYTES ? 0 : this.prefix.readUInt32BE(1);
    return Math.min(this.limits.messageBytes, MOST_UNPACKED * announced);
  }

  private problem(encoded: boolean): RpcError | undefined {
    const { messageBytes } = this.limits;
    const length = this.prefix.readUInt32BE(1);
    if (length > messageBytes)
      return new RpcError(Code.RESOURCE_EXHAUSTED, `a message of ${length} bytes is over the limit`);
    if (this.bytes > PREFIX_BYTES + length)
      return new RpcError(Code.INTERNAL, 'the request holds more than one message');
    const [flag] = this.prefix;
    if (flag === PLAIN || (flag === COMPRESSED && encoded)) return undefined;
    // gRPC's rule for a compressed message whose call names no encoding (grpc's doc/compression.md).
    if (flag === COMPRESSED)
      return new RpcError(Code.INTERNAL, 'the message is compressed, but no grpc-encoding says how');
    return new RpcError(Code.INTERNAL, 'the first byte of the message is neither 0 nor 1');
  }

  private refuse(reason: RpcError): void {
    this.release();
    this.wrong(reason);
  }
}
