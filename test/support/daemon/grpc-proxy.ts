import { rmSync } from 'node:fs';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as dial } from 'node:net';

/**
 * A moment in a call: it has come and nothing of it is passed on; all of it has been passed on, and it has no answer; it is a conversation whose first answer has come and not
 * been passed on; it has been answered as a whole, and its caller does not know that yet.
 */
export type Moment = 'before' | 'during' | 'midway' | 'after';

/**
 * Told of each moment of each call (`package.Service/Method`), and when it has been answered whether it went well; the call
 * goes on when it resolves.
 */
export type Watcher = (moment: Moment, method: string, well?: boolean) => Promise<void>;

export interface GrpcProxy {
  /** Path of the socket it listens on. */
  readonly address: string;
  /** Sees every call from now on; undefined: nobody does. */
  watch(watcher: Watcher | undefined): void;
  stop(): Promise<void>;
}

/**
 * Stands between gRPC clients and a server on unix sockets and passes every byte of every kind of call on. Each connection
 * of a client has one to the server, and they end together.
 */
export async function startGrpcProxy(address: string, upstream: string): Promise<GrpcProxy> {
  let watcher: Watcher | undefined;
  const watch: Watcher = async (moment, method, well) => watcher?.(moment, method, well);
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (down) => {
    sessions.add(down);
    const up = connect('http://localhost', { createConnection: () => dial(upstream) });
    down.on('close', () => {
      sessions.delete(down);
      up.destroy();
    });
    up.on('close', () => down.destroy());
    for (const session of [down, up]) session.on('error', () => undefined); // its close is what counts
    down.on('stream', (stream, headers) => void new Relay(stream, headers, watch).run(up));
  });
  rmSync(address, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
  return {
    address,
    watch: (next) => {
      watcher = next;
    },
    stop: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      return closed;
    },
  };
}

/** One call on its way. */
class Relay {
  private readonly method: string;
  private asked = false;
  /** Its status is here, so what follows is up to us. */
  private answered = false;
  private trailers: IncomingHttpHeaders = {};

  constructor(
    private readonly down: ServerHttp2Stream,
    private readonly headers: IncomingHttpHeaders,
    private readonly watch: Watcher,
  ) {
    this.method = String(headers[':path']).slice(1);
    down.on('error', () => undefined);
  }

  async run(session: ClientHttp2Session): Promise<void> {
    await this.watch('before', this.method);
    if (this.down.destroyed || session.destroyed) return this.down.close(constants.NGHTTP2_REFUSED_STREAM);
    const up = session.request(this.headers);
    up.on('error', () => undefined);
    up.on('close', () => {
      if (!this.answered) this.down.close(up.rstCode || constants.NGHTTP2_INTERNAL_ERROR);
    });
    this.down.on('close', () => up.close(this.down.rstCode || constants.NGHTTP2_CANCEL));
    this.down.on('end', () => {
      this.asked = true;
      if (!this.answered) void this.watch('during', this.method);
    });
    this.down.pipe(up);
    up.on('trailers', (trailers) => {
      this.answered = true;
      this.trailers = trailers;
    });
    up.on('response', (headers, flags) => {
      this.answered = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      void (this.answered ? this.answerAtOnce(headers) : this.answer(up, headers));
    });
  }

  /** An answer without a message has its status among the headers. */
  private async answerAtOnce(headers: IncomingHttpHeaders): Promise<void> {
    await this.watch('after', this.method, isWell(headers));
    if (!this.down.destroyed) this.down.respond(headers, { endStream: true });
  }

  /** The status comes last: until then the caller of a unary call has no answer, whatever else has been passed on. */
  private async answer(up: ClientHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const { down } = this;
    if (!down.destroyed) down.respond(headers, { waitForTrailers: true });
    await this.passOn(up).catch(() => undefined);
    // What has broken off has no status; its caller is told by the stream's close.
    if (down.destroyed || !this.answered) return;
    await this.watch('after', this.method, isWell(this.trailers));
    if (down.destroyed) return;
    down.on('wantTrailers', () => down.sendTrailers(this.trailers));
    down.end();
  }

  private async passOn(up: ClientHttp2Stream): Promise<void> {
    let first = true;
    for await (const chunk of up as AsyncIterable<Buffer>) {
      if (first && !this.asked) await this.watch('midway', this.method);
      first = false;
      if (this.down.destroyed) return;
      if (!this.down.write(chunk)) await new Promise<void>((resolve) => whenWritable(this.down, resolve));
    }
  }
}

function isWell(status: IncomingHttpHeaders): boolean {
  return status['grpc-status'] === '0';
}

function whenWritable(stream: ServerHttp2Stream, then: () => void): void {
  const done = (): void => {
    stream.off('drain', done);
    stream.off('close', done);
    then();
  };
  stream.on('drain', done);
  stream.on('close', done);
}
