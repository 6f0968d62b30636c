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

import { MessageReader } from '../../../src/rpc/messages';
import { DAEMON_METHODS, type DaemonMethod, type Message } from './daemon-methods';

/** A call that has come, with its request read. */
export interface ProxiedCall {
  /** `Service/Method`, without the package: `Tasks/Get`. */
  readonly method: string;
  readonly request: Message;
}

/** What happens to a call instead of being passed on. */
export type Treatment =
  | { readonly kind: 'refuse'; readonly code: number }
  /** OK at once, with a message without anything in it; a stream ends without any. */
  | { readonly kind: 'answer nothing' }
  /** It is passed on when this resolves. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  | Change;

/** What needs the whole answer; when that takes longer than `until`, the stream breaks. */
export type Change = { readonly until: Promise<unknown> } & (
  | { /** It is done, and the stream breaks before the answer. */ readonly kind: 'lose answer' }
  | { readonly kind: 'rewrite'; readonly change: (answers: Message[]) => Message[] }
  | { readonly kind: 'spoil'; readonly change: (bytes: Buffer) => Buffer }
);

/** Asked once for each call, when its request is here; undefined: it is passed on. */
export type Planner = (call: ProxiedCall) => Treatment | undefined;

export interface FaultProxy {
  /** Path of the socket it listens on. */
  readonly address: string;
  /** Asked about every call from now on. */
  plan(planner: Planner | undefined): void;
  stop(): Promise<void>;
}

const MESSAGE_LIMIT = 64 << 20;

/**
 * Stands between crisp and containerd, reads each request and lets chosen calls go wrong. Everything else is passed on
 * byte by byte. Each connection of crisp has one to containerd, and they end together.
 */
export async function startFaultProxy(address: string, upstream: string): Promise<FaultProxy> {
  let planner: Planner | undefined;
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
    down.on('stream', (stream, headers) => void new Relay(stream, headers).run(up, (call) => planner?.(call)));
  });
  rmSync(address, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
  return {
    address,
    plan: (next) => {
      planner = next;
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
  private readonly path: string;
  private readonly method: DaemonMethod | undefined;

  constructor(
    private readonly down: ServerHttp2Stream,
    private readonly headers: IncomingHttpHeaders,
  ) {
    this.path = String(headers[':path']).slice(1);
    this.method = DAEMON_METHODS.get(this.path);
    down.on('error', () => undefined);
  }

  async run(session: ClientHttp2Session, planner: Planner): Promise<void> {
    const { method } = this;
    if (!method || method.requestStream) return this.passOn(session, undefined);
    const asked = await collect(this.down);
    if (asked === undefined) return; // its caller has left
    const [request = Buffer.alloc(0)] = messagesIn(asked);
    const short = this.path.slice(this.path.lastIndexOf('.') + 1);
    const treatment = planner({ method: short, request: method.requestType.decode(request) });
    await this.treat(session, asked, treatment);
  }

  private async treat(session: ClientHttp2Session, asked: Buffer, treatment: Treatment | undefined): Promise<void> {
    if (!treatment) return this.passOn(session, asked);
    switch (treatment.kind) {
      case 'refuse':
        return this.refuse(treatment.code);
      case 'answer nothing':
        return this.answerNothing();
      case 'hold':
        await treatment.until;
        return this.passOn(session, asked);
      default:
        return this.change(session, asked, treatment);
    }
  }

  private refuse(code: number): void {
    if (this.down.destroyed) return;
    const status = { 'grpc-status': String(code), 'grpc-message': 'refused by the test' };
    this.down.respond({ ':status': 200, 'content-type': 'application/grpc', ...status }, { endStream: true });
  }

  private answerNothing(): void {
    const { down, method } = this;
    if (down.destroyed) return;
    down.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    down.on('wantTrailers', () => down.sendTrailers({ 'grpc-status': '0' }));
    down.end(method?.responseStream ? undefined : withPrefix(Buffer.alloc(0)));
  }

  /** Passes all on as it comes; `asked` is what has been read of the request already. */
  private passOn(session: ClientHttp2Session, asked: Buffer | undefined): void {
    const up = this.open(session);
    if (!up) return;
    const { down } = this;
    let trailers: IncomingHttpHeaders | undefined;
    up.on('trailers', (received) => {
      trailers = received;
    });
    up.on('response', (headers, flags) => {
      if (down.destroyed) return;
      if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) {
        trailers = headers;
        return down.respond(headers, { endStream: true });
      }
      down.respond(headers, { waitForTrailers: true });
      down.on('wantTrailers', () => {
        if (trailers) down.sendTrailers(trailers);
        else down.close(constants.NGHTTP2_INTERNAL_ERROR);
      });
      up.pipe(down);
    });
    up.on('close', () => {
      if (!trailers) down.close(up.rstCode || constants.NGHTTP2_INTERNAL_ERROR);
    });
    if (asked) up.end(asked);
    else down.pipe(up);
  }

  /** Waits for the whole answer, then loses it or sends it on with other messages. */
  private async change(session: ClientHttp2Session, asked: Buffer, treatment: Change): Promise<void> {
    const up = this.open(session);
    if (!up) return;
    const { down, method } = this;
    const answer = whole(up);
    up.end(asked);
    const received = await Promise.race([answer, treatment.until.then(() => undefined)]);
    if (down.destroyed) return;
    if (!received || treatment.kind === 'lose answer') return down.close(constants.NGHTTP2_INTERNAL_ERROR);
    const { headers, body, trailers } = received;
    if (trailers === undefined) return down.respond(headers, { endStream: true });
    down.respond(headers, { waitForTrailers: true });
    down.on('wantTrailers', () => down.sendTrailers(trailers));
    const messages = messagesIn(body);
    const changed =
      treatment.kind === 'spoil'
        ? messages.map((message) => treatment.change(message))
        : treatment
            .change(messages.map((message) => method?.responseType.decode(message) ?? {}))
            .map((message) => Buffer.from(method?.responseType.encode(message).finish() ?? []));
    down.end(Buffer.concat(changed.map(withPrefix)));
  }

  private open(session: ClientHttp2Session): ClientHttp2Stream | undefined {
    const { down } = this;
    if (down.destroyed || session.destroyed) {
      down.close(constants.NGHTTP2_REFUSED_STREAM);
      return undefined;
    }
    const up = session.request(this.headers);
    up.on('error', () => undefined);
    down.on('close', () => up.close(down.rstCode || constants.NGHTTP2_CANCEL));
    return up;
  }
}

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Undefined: the headers were all. */
  readonly trailers: IncomingHttpHeaders | undefined;
}

/** The whole answer; undefined when it broke off. */
async function whole(up: ClientHttp2Stream): Promise<Received | undefined> {
  let headers: IncomingHttpHeaders | undefined;
  let trailers: IncomingHttpHeaders | undefined;
  let atOnce = false;
  up.on('response', (received, flags) => {
    headers = received;
    atOnce = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  });
  up.on('trailers', (received) => {
    trailers = received;
  });
  const body = await collect(up);
  if (!headers || !body || (!atOnce && !trailers)) return undefined;
  return { headers, body, trailers };
}

/** All that comes until the end; undefined when the stream breaks before. */
function collect(stream: ServerHttp2Stream | ClientHttp2Stream): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => resolve(Buffer.concat(chunks)));
    stream.once('close', () => resolve(undefined));
  });
}

function messagesIn(bytes: Buffer): Buffer[] {
  const reader = new MessageReader(MESSAGE_LIMIT);
  reader.push(bytes);
  const messages: Buffer[] = [];
  for (let message = reader.next(); message; message = reader.next()) messages.push(message);
  return messages;
}

function withPrefix(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
