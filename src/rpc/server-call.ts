import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { type CallStatus, statusHeaders } from './call-status';
import { Code } from './code';
import { framed, lengthOf, MessageReader } from './messages';
import { RpcError } from './rpc-error';

const HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const;
/** Units of grpc-timeout in milliseconds (gRPC over HTTP2). */
const UNIT_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Our end of one call: its request, its replies, its status. */
export class ServerCall {
  /** When the caller gives up, in milliseconds since 1970; absent: never. */
  readonly deadline?: number;
  private readonly messages: MessageReader;
  private finished = false;

  constructor(
    readonly stream: ServerHttp2Stream,
    private readonly headers: IncomingHttpHeaders,
    private readonly limit: number,
  ) {
    this.messages = new MessageReader(limit);
    const timeoutMs = parseTimeout(headers['grpc-timeout']);
    if (timeoutMs !== undefined) this.deadline = Date.now() + timeoutMs;
    stream.on('error', () => undefined); // its close is what counts
  }

  /** A header of the request by its lower-case name. */
  header(name: string): string | undefined {
    return this.headers[name]?.toString();
  }

  /** Calls the listener once, if the caller goes before it has its status. */
  onGone(listener: () => void): void {
    const gone = (): void => {
      if (!this.finished) listener();
    };
    this.stream.once('aborted', gone);
    this.stream.once('close', gone);
  }

  /** The request of a call that has one. Rejects with an RpcError when it cannot be read; pends when the caller has gone. */
  request(): Promise<Buffer> {
    const { stream, messages } = this;
    return new Promise((resolve, reject) => {
      let request: Buffer | undefined;
      const read = (): void => {
        try {
          request ??= messages.next();
        } catch (error) {
          reject(error);
        }
      };
      stream.on('data', (piece: Buffer) => {
        messages.push(piece);
        read();
      });
      stream.once('end', () => {
        if (request) resolve(request);
        else reject(new RpcError(Code.INTERNAL, 'the request holds no whole message'));
      });
    });
  }

  /** The requests of a call that has many, as they come. */
  async *requests(): AsyncGenerator<Buffer> {
    // A handler that has read enough may still answer: leaving the loop must not destroy the stream.
    for await (const piece of this.stream.iterator({ destroyOnReturn: false })) {
      this.messages.push(piece as Buffer);
      for (let request = this.messages.next(); request !== undefined; request = this.messages.next()) yield request;
    }
  }

  /** Sends a reply; false: wait for the stream's 'drain' before the next. Throws an RpcError when it is too large. */
  reply(message: readonly Buffer[]): boolean {
    const length = lengthOf(message);
    if (length > this.limit) {
      throw new RpcError(Code.RESOURCE_EXHAUSTED, `an answer of ${length} bytes is over the limit`);
    }
    if (this.stream.destroyed || this.stream.closed) return true;
    this.respond();
    return framed(message, this.stream);
  }

  /** Ends the call. Afterwards its caller knows the status, and what it still says is not read. */
  finish(status: CallStatus): void {
    const { stream } = this;
    if (this.finished) return;
    this.finished = true;
    if (stream.destroyed || stream.closed) return;
    if (!stream.headersSent) {
      stream.respond({ ...HEADERS, ...statusHeaders(status) }, { endStream: true });
      this.letGo();
      return;
    }
    stream.once('wantTrailers', () => {
      stream.sendTrailers(statusHeaders(status));
      this.letGo();
    });
    stream.end();
  }

  /** Ends a stream on which the caller may have more to say. */
  private letGo(): void {
    const { stream } = this;
    if (stream.readableEnded) return;
    stream.resume();
    setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  private respond(): void {
    if (!this.stream.headersSent) this.stream.respond(HEADERS, { waitForTrailers: true });
  }
}

/** Milliseconds; undefined when there is no limit, or none that makes sense. */
function parseTimeout(header: string | string[] | undefined): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(String(header ?? ''));
  return match ? Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0) : undefined;
}
