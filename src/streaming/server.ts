import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import type { Metrics } from '../base/metrics';
import { type CertificatePair, selfSignedCertificate } from './certificate';
import { refuse } from './http-answer';
import { RequestCache } from './request-cache';
import { type StreamingRequest, serveUpgrade } from './serve-upgrade';
import type { StreamingRuntime } from './streaming-runtime';
import type { Upgrade } from './websocket/upgrade';

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
  readonly runtime: StreamingRuntime;
  readonly log: Logger;
  readonly metrics: Metrics;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;
/** How long a client may take to send its request. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;

/** Serves exec, attach and port-forward to whoever comes with a URL that `urlFor` gave out. */
export class StreamingServer {
  private readonly requests = new RequestCache<StreamingRequest>();
  /** Every connection there is, also of clients that have said nothing yet. */
  private readonly connections = new Set<Socket>();
  private readonly served = new Set<Duplex>();
  private readonly log: Logger;
  private server: Server | undefined;
  private base = '';

  constructor(private readonly options: StreamingServerOptions) {
    this.log = options.log.child({ part: 'streaming' });
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
    const server = this.createServer();
    server.on('connection', (socket: Socket) => {
      this.connections.add(socket);
      socket.once('close', () => this.connections.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
    server.on('request', (request, response) => {
      const code = this.requestFor(request) ? 400 : 404;
      response.writeHead(code, { connection: 'close' }).end(code === 400 ? 'upgrade required\n' : 'not found\n');
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

  private createServer(): Server {
    const { tls, address } = this.options;
    const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS };
    if (!tls) return createHttpServer(limits);
    const pair = this.options.certificate ?? selfSignedCertificate(isIP(address) ? address : '127.0.0.1');
    return createHttpsServer({ ...limits, ...pair, minVersion: 'TLSv1.2' });
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined); // `close` follows
    const asked = this.requestFor(request);
    if (request.method !== 'GET' && request.method !== 'POST') refuse(socket, 405, 'GET or POST');
    else if (asked) this.serve(asked, { request, socket, head });
    else refuse(socket, 404, 'there is no such request, or it was dialled before, or too late');
  }

  private serve(asked: StreamingRequest, upgrade: Upgrade): void {
    const { socket } = upgrade;
    this.watch(socket);
    const { runtime, creationTimeoutMs, metrics } = this.options;
    metrics.count('crisp_streaming_clients_total', { kind: asked.kind });
    const log = this.log.child({ kind: asked.kind });
    serveUpgrade(asked, upgrade, { runtime, creationTimeoutMs, log }).catch((error: unknown) => {
      log.info('a client was not served', { error: errorMessage(error) });
      if (!socket.writableEnded) socket.destroy(); // otherwise it has its answer
    });
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
    const [, kind, token, ...rest] = (request.url ?? '').split('?', 1).join('').split('/');
    if (!token || rest.length > 0) return undefined;
    const asked = this.requests.take(token);
    return asked?.kind === kind ? asked : undefined;
  }
}

/** Host and port as they stand in a URL. Who listens everywhere can be reached on the loopback. */
function hostOf(server: Server): string {
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('the streaming server has no port');
  const host = at.address === '0.0.0.0' || at.address === '::' ? '127.0.0.1' : at.address;
  return `${host.includes(':') ? `[${host}]` : host}:${at.port}`;
}
