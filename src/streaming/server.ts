import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { createServer, isIP, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import type { Metrics } from '../base/metrics';
import { type CertificatePair, selfSignedCertificate } from './certificate';
import { Entrance, HEAD_WITHIN_MS } from './entrance';
import { refuse } from './http-answer';
import { type SharedLimits, sharedLimits } from './limits';
import { pacedSocket } from './paced-socket';
import { RequestCache } from './request-cache';
import { HEAD_BYTES } from './request-head';
import { ownerOf, type StreamingRequest, serveUpgrade, weightOf } from './serve-upgrade';
import type { StreamingRuntime } from './streaming-runtime';

export interface StreamingServerOptions {
  /** An IP address, or `localhost`; empty: every address. */
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: boolean;
  /** Absent with `tls`: one is made that signs itself. */
  readonly certificate?: CertificatePair;
  /** A connection on which nothing moves for so long is closed; 0: never. */
  readonly idleTimeoutMs: number;
  /** What a client gets to open its streams. */
  readonly creationTimeoutMs: number;
  /** How many descriptors this process may have open; absent: any number. */
  readonly openFiles?: number;
  readonly runtime: StreamingRuntime;
  readonly log: Logger;
  readonly metrics: Metrics;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;
const KEEP_ALIVE_MS = 30_000;
/** What a TLS handshake costs, in milliseconds of a turn: a signature with RSA takes about as long, one with P-256 less. */
export const HANDSHAKE_MS = 2;
/**
 * Bytes that Node keeps of a connection that is not read, before it stops reading it from the kernel: it keeps them in
 * chunks as they come, which a client can make as small as a byte, at some hundred bytes each.
 */
const SOCKET_KEEPS_BYTES = 1024;

/** Serves exec, attach and port-forward to whoever comes with a URL that `urlFor` gave out. */
export class StreamingServer {
  private readonly requests = new RequestCache<StreamingRequest>({ weigh: weightOf, owner: ownerOf });
  /** Every connection there is, also of clients that have said nothing yet. */
  private readonly connections = new Set<Socket>();
  private readonly served = new Set<Duplex>();
  private readonly shared: SharedLimits;
  private readonly entrance: Entrance;
  /** It parses the requests of clients that have shown a token; it does not listen. */
  private readonly http: HttpServer;
  private readonly log: Logger;
  private server: Server | undefined;
  /** It speaks TLS on connections whose turn it is; it does not listen. */
  private tls: Server | undefined;
  private base = '';

  constructor(private readonly options: StreamingServerOptions) {
    this.log = options.log.child({ part: 'streaming' });
    this.shared = sharedLimits(options.openFiles);
    this.http = this.createParser();
    this.entrance = new Entrance({
      most: this.shared.silent,
      knows: (path) => this.requests.has(tokenIn(path).token),
      admit: (socket, head) => this.parse(socket, head),
      onDropped: () => options.metrics.count('crisp_streaming_silent_dropped_total'),
    });
  }

  /** Clients being served right now. */
  get connectionCount(): number {
    return this.served.size;
  }

  /** Resolves when clients can come. Rejects when the address cannot be had, or is not safe: tokens travel on this wire. */
  async listen(): Promise<void> {
    const { address, port, tls } = this.options;
    if (!tls && !LOOPBACK.test(address)) {
      throw new Error(`streaming.address "${address}" is not a loopback address: that needs streaming.enable_tls`);
    }
    this.tls = tls ? this.createTls() : undefined;
    const server = createServer({ allowHalfOpen: !tls, noDelay: true, highWaterMark: SOCKET_KEEPS_BYTES });
    server.on('connection', (socket: Socket) => {
      this.connections.add(socket);
      socket.once('close', () => this.connections.delete(socket));
      this.entrance.connected(socket);
      if (!this.tls) this.entrance.read(socket);
      else this.entrance.readHello(socket, (hello) => this.beginTls(socket, hello));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: address === '' ? undefined : address }, resolve);
    });
    server.on('error', (error) => this.log.error('the streaming server', { error: errorMessage(error) }));
    this.server = server;
    this.base = `${tls ? 'https' : 'http'}://${hostOf(server)}`;
    this.log.info('streaming', { address: this.base });
  }

  /** A URL that is good for one client within a minute. Throws TooManyRequests. */
  urlFor(asked: StreamingRequest): string {
    if (this.base === '') throw new Error('the streaming server does not listen');
    return `${this.base}/${asked.kind}/${this.requests.insert(asked)}`;
  }

  /** Cuts off every client; resolves when the port is free. */
  async stop(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.base = '';
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of [...this.served, ...this.connections]) socket.destroy();
    await closed;
  }

  private createTls(): Server {
    const { address } = this.options;
    const pair = this.options.certificate ?? selfSignedCertificate(isIP(address) ? address : '127.0.0.1');
    const limits = { minVersion: 'TLSv1.2', handshakeTimeout: HEAD_WITHIN_MS } as const;
    const tls = createTlsServer({ ...limits, ...pair, ALPNProtocols: ['http/1.1'], highWaterMark: SOCKET_KEEPS_BYTES });
    tls.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
    tls.on('secureConnection', (socket: Socket) => this.entrance.read(socket));
    return tls;
  }

  /** `hello` is given back to the connection, from which TLS reads it in the same turn. */
  private beginTls(socket: Socket, hello: Buffer): void {
    this.shared.turns.later(() => {
      if (socket.destroyed) return;
      socket.unshift(hello);
      this.tls?.emit('connection', socket);
    }, HANDSHAKE_MS);
  }

  private createParser(): HttpServer {
    const http = createHttpServer({ maxHeaderSize: HEAD_BYTES });
    http.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
    http.on('request', (request, response) => {
      const code = this.requestFor(request) ? 400 : 404;
      response.writeHead(code, { connection: 'close' }).end(code === 400 ? 'upgrade required\n' : 'not found\n');
    });
    return http;
  }

  /** `head` is given back to the connection, which the parser reads from its start. */
  private parse(socket: Socket, head: Buffer): void {
    socket.unshift(head);
    this.http.emit('connection', socket);
    socket.resume();
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined); // `close` follows
    const asked = this.requestFor(request);
    if (request.method !== 'GET' && request.method !== 'POST') refuse(socket, 405, 'GET or POST');
    else if (!asked) refuse(socket, 404, 'there is no such request, or it was dialled before, or too late');
    else if (hasBody(request)) refuse(socket, 400, 'a request to upgrade has no body');
    else this.admit(asked, request, { socket, head });
  }

  /**
   * Serves the client while there is a seat for it. Its seat is free once it is gone and what it asked for has ended, or there is
   * another seat for what goes on without it.
   */
  private admit(asked: StreamingRequest, request: IncomingMessage, { socket, head }: { socket: Duplex; head: Buffer }) {
    const owner = ownerOf(asked);
    let leave = this.shared.clients.take(owner);
    if (!leave) {
      this.options.metrics.count('crisp_streaming_clients_refused_total', { kind: asked.kind });
      refuse(socket, 503, 'too many clients are served already');
      return;
    }
    const kept = this.requests.keep(asked);
    const forget = (): void => {
      if (asked.kind === 'exec') asked.request.cmd = [];
      kept();
    };
    const closed = new Promise((resolve) => socket.once('close', resolve));
    this.watch(socket);
    const served = this.serve(asked, request, pacedSocket(socket, head, this.shared.turns), forget);
    void closed.then(() => {
      const elsewhere = this.shared.left.take(owner);
      if (elsewhere) leave?.();
      leave = elsewhere ?? leave;
    });
    void Promise.all([served, closed]).then(() => {
      leave?.();
      kept();
    });
  }

  /** Never rejects. */
  private async serve(
    asked: StreamingRequest,
    request: IncomingMessage,
    socket: Duplex,
    onMade: () => void,
  ): Promise<void> {
    const { runtime, creationTimeoutMs, metrics } = this.options;
    metrics.count('crisp_streaming_clients_total', { kind: asked.kind });
    const log = this.log.child({ kind: asked.kind });
    try {
      const { shared } = this;
      await serveUpgrade(asked, { request, socket }, { runtime, creationTimeoutMs, log, shared, onMade });
    } catch (error) {
      log.info('a client was not served', { error: errorMessage(error) });
      if (!socket.writableEnded) socket.destroy(); // otherwise it has its answer
    }
  }

  private watch(socket: Duplex): void {
    this.served.add(socket);
    socket.once('close', () => this.served.delete(socket));
    const { setTimeout: setIdle } = socket as Partial<Socket>;
    if (!setIdle) return;
    const connection = socket as Socket;
    connection.setNoDelay(true);
    connection.setKeepAlive(true, KEEP_ALIVE_MS);
    connection.setTimeout(this.options.idleTimeoutMs, () => connection.destroy());
  }

  /** What the request's path stands for. The token is spent, whatever becomes of the request. */
  private requestFor(request: IncomingMessage): StreamingRequest | undefined {
    const { kind, token } = tokenIn(request.url ?? '');
    const asked = this.requests.take(token);
    return asked?.kind === kind ? asked : undefined;
  }
}

/** The parts of `/<kind>/<token>`; a path of another form has no token. */
function tokenIn(path: string): { readonly kind: string; readonly token: string } {
  const [, kind = '', token = '', ...rest] = path.split('?', 1).join('').split('/', 4);
  return { kind, token: rest.length === 0 ? token : '' };
}

/** What would come behind its head is not what the client and the process say to each other. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

/** Host and port as they stand in a URL. Who listens everywhere can be reached on the loopback. */
function hostOf(server: Server): string {
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('the streaming server has no port');
  const host = at.address === '0.0.0.0' || at.address === '::' ? '127.0.0.1' : at.address;
  return `${host.includes(':') ? `[${host}]` : host}:${at.port}`;
}
