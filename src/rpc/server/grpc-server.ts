import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import {
  logVerbosity,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { type CallStatus, statusHeaders } from '../call-status';
import { Code } from '../code';
import { Sessions } from './sessions';

/** In MB. Node's own limit of 10 would refuse streams while large answers wait to be sent. */
const SESSION_MEMORY = 1024;
/**
 * Calls at the same time over one connection; a client's further calls wait in the client. kubelet has one or two for each
 * pod, whose number its own default limits to 110.
 */
const MAX_STREAMS = 2000;

/**
 * Of all headers of a call, in characters: gRPC's own limit in C (grpc.absolute_max_metadata_size). The library takes a
 * binary header apart at each comma, a second for a MiB of them.
 */
const MAX_HEADERS = 16 * 1024;
const TOO_MUCH = { code: Code.RESOURCE_EXHAUSTED, message: `the headers are over ${MAX_HEADERS} characters` };

/** The library's end of a call: what answers it. */
export type Answering = ServerInterceptingCallInterface;

/** What the library hands to a handler: the request of a call that has one, or a stream of requests. */
export interface Received {
  readonly metadata: Metadata;
  readonly request?: Buffer;
  iterator?(options: { destroyOnReturn: boolean }): AsyncIterableIterator<Buffer>;
}

export type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** How the library is told to read and answer a method. */
export type MethodKind = 'unary' | 'clientStream' | 'serverStream' | 'bidi';

export interface GrpcServerOptions {
  readonly maxMessageBytes: number;
  /** Connections at once. */
  readonly connections: number;
  /** The library's interceptors, the one nearest to the connection first. */
  readonly interceptors: readonly ServerInterceptor[];
}

/**
 * The official library's server, with the parts that are ours: connections are handed to it, messages are bytes, and each
 * HTTP/2 stream passes `gate`, which calls its second argument to have the library serve it.
 */
export class GrpcServer {
  private readonly sessions: Sessions;
  private readonly server: Server;
  private readonly http2: Http2Server;
  private readonly inject: (socket: Socket) => void;

  constructor(
    options: GrpcServerOptions,
    gate: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, serve: () => void) => void,
  ) {
    this.sessions = new Sessions(options.connections);
    setLogVerbosity(logVerbosity.NONE); // it would write to stderr what callers send wrongly
    this.server = new Server({
      'grpc.enable_channelz': 0, // a record of each call that nobody reads
      'grpc.max_receive_message_length': options.maxMessageBytes, // also of what a compressed message becomes
      'grpc.max_concurrent_streams': MAX_STREAMS,
      'grpc-node.max_session_memory': SESSION_MEMORY,
      interceptors: [...options.interceptors],
    });
    const injector = this.server.createConnectionInjector(ServerCredentials.createInsecure());
    this.inject = (socket) => injector.injectConnection(socket);
    this.http2 = http2Of(this.server);
    this.http2.on('session', (session) => this.watch(session));
    const [library] = this.http2.listeners('stream') as StreamListener[];
    if (library === undefined) throw new Error('the gRPC library listens to no stream');
    this.http2.removeAllListeners('stream');
    this.http2.on('stream', (stream, headers) => {
      stream.on('error', () => undefined); // its close is what counts
      this.sessions.begin(stream);
      if (charactersOf(headers) > MAX_HEADERS) refuse(stream, TOO_MUCH);
      else gate(stream, headers, () => library(stream, headers));
    });
  }

  /** Serves a method. The handler must not throw. */
  register(path: string, kind: MethodKind, handler: (call: Received) => void): void {
    const serialize = (parts: readonly Buffer[]): Buffer => (parts.length === 1 && parts[0]) || Buffer.concat(parts);
    this.server.register(path, handler as never, serialize, (bytes) => bytes, kind);
  }

  /** Serves a connection that has been taken up, or closes it when there are too many, all with calls under way. */
  connect(socket: Socket): void {
    if (this.sessions.makeRoom()) this.inject(socket);
    else socket.destroy();
  }

  /** Resolves when those who are connected have gone, each after its last call; they can begin no other. */
  async close(): Promise<void> {
    const gone = [...this.sessions].map((session) => new Promise((resolve) => session.once('close', resolve)));
    for (const session of this.sessions) session.close();
    await Promise.all(gone);
  }

  /** Ends every connection now. */
  destroy(): void {
    for (const session of this.sessions) session.destroy();
    this.server.forceShutdown();
  }

  private watch(session: ServerHttp2Session): void {
    this.sessions.add(session);
    session.on('error', () => undefined); // its calls are told
  }
}

function charactersOf(headers: IncomingHttpHeaders): number {
  let sum = 0;
  for (const [name, value] of Object.entries(headers)) sum += name.length + String(value).length;
  return sum;
}

/** Answers a stream that must not reach the library. */
export function refuse(stream: ServerHttp2Stream, status: CallStatus): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc', ...statusHeaders(status) };
  stream.respond(headers, { endStream: true });
}

/**
 * The HTTP/2 server inside the library's. The library has no public way to a call's stream, and nothing else can be reset
 * when its caller sends without end. The version of the library is pinned; another that has none fails here, at once.
 */
function http2Of(server: Server): Http2Server {
  const { http2Servers } = server as unknown as { http2Servers?: ReadonlyMap<Http2Server, unknown> };
  const [found] = http2Servers?.keys() ?? [];
  if (found === undefined) throw new Error('the gRPC library has no HTTP/2 server where it had one');
  return found;
}
