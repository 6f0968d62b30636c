import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { TestBlob, TestImage } from './test-image';

/** A request as it came in. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly request: IncomingMessage;
}

/** Answers a request instead of the registry; false or nothing leaves it to it. */
export type Interceptor = (seen: Seen, response: ServerResponse) => boolean | undefined | Promise<boolean | undefined>;

/** A request for a manifest or a blob, with what the registry would have sent. */
export interface Asked extends Seen {
  readonly kind: 'manifests' | 'blobs';
  /** The tag or digest that is asked for. */
  readonly name: string;
  /** The bytes that would be right; none for what the registry does not have. */
  readonly data: Buffer;
  readonly mediaType: string;
  /** 1 for the first request for this path, 2 for the second. */
  readonly nth: number;
}

/** What a repository does instead of answering as a registry should; false leaves the answer to the registry. */
export type Oddity = (asked: Asked, response: ServerResponse) => boolean;

/** Who may read: everybody; who knows a password; or who has a token from the registry's own token server at `/token`. */
export type AuthMode =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'token';
      readonly username?: string;
      readonly password?: string;
      readonly identityToken?: string;
      /** Where tokens are to be had; this registry unless given. */
      readonly realm?: string;
    };

/** An OCI registry in this process, to read from: content, ways to demand credentials, and whatever fault a test needs. */
export class FakeRegistry {
  /** Every request, in order, token requests included. */
  readonly requests: Seen[] = [];
  /** Tokens that were given out. */
  readonly tokens: string[] = [];
  auth: AuthMode = { kind: 'none' };
  readonly interceptors: Interceptor[] = [];
  /** By repository: requests for it that pass authentication get this oddity's answer. */
  readonly oddities = new Map<string, Oddity>();
  private readonly blobs = new Map<string, Buffer>();
  private readonly manifests = new Map<string, { mediaType: string; data: Buffer; digest: string }>();
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly secure: boolean,
  ) {
    server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => this.track(socket));
  }

  /** Starts one on a free loopback port; with `tls` it speaks https. */
  static async start(tls?: TlsOptions): Promise<FakeRegistry> {
    const listener: { answer: RequestListener } = { answer: () => undefined };
    const onRequest: RequestListener = (request, response) => listener.answer(request, response);
    const server = tls ? createTlsServer(tls, onRequest) : createServer(onRequest);
    const registry = new FakeRegistry(server, tls !== undefined);
    listener.answer = (request, response) => void registry.answer(request, response);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  /** `127.0.0.1:<port>`. */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.secure ? 'https' : 'http'}://${this.host}`;
  }

  /** Puts an image under a tag; `tag` undefined: by digest only. */
  addImage(repository: string, tag: string | undefined, image: TestImage): void {
    for (const { digest, data } of [image.config, ...image.layers]) this.blobs.set(digest, data);
    this.addManifest(repository, tag, image.manifest);
  }

  addManifest(repository: string, tag: string | undefined, { digest, data, mediaType }: TestBlob): void {
    const manifest = { digest, data, mediaType };
    this.manifests.set(`${repository} ${digest}`, manifest);
    if (tag !== undefined) this.manifests.set(`${repository} ${tag}`, manifest);
  }

  addBlob({ digest, data }: TestBlob): void {
    this.blobs.set(digest, data);
  }

  removeBlob({ digest }: TestBlob): void {
    this.blobs.delete(digest);
  }

  /** How many requests of this method there were for paths that end so. */
  count(method: string, end: string): number {
    return this.requests.filter((seen) => seen.method === method && seen.path.endsWith(end)).length;
  }

  /** Stops it and breaks what is open. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const url = new URL(request.url ?? '/', this.url);
    const { method = '', headers } = request;
    const body = Buffer.concat(parts).toString();
    const seen: Seen = { method, path: url.pathname, query: url.searchParams, headers, body, request };
    this.requests.push(seen);
    for (const intercept of this.interceptors) if (await intercept(seen, response)) return;
    if (seen.path === '/token') this.giveToken(seen, response);
    else if (!this.isAllowed(seen)) this.challenge(seen, response);
    else this.serve(seen, response);
  }

  private isAllowed({ headers }: Seen): boolean {
    const given = headers.authorization ?? '';
    if (this.auth.kind === 'none') return true;
    if (this.auth.kind === 'basic') return given === basic(this.auth.username, this.auth.password);
    return this.tokens.some((token) => given === `Bearer ${token}`);
  }

  private challenge({ path }: Seen, response: ServerResponse): void {
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(path)?.[1] ?? '';
    const realm = this.auth.kind === 'token' ? (this.auth.realm ?? `${this.url}/token`) : '';
    const challenge =
      this.auth.kind === 'token'
        ? `Bearer realm="${realm}",service="${this.host}",scope="repository:${repository}:pull"`
        : 'Basic realm="fake"';
    response.writeHead(401, { 'WWW-Authenticate': challenge, 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
  }

  private giveToken({ method, headers, body }: Seen, response: ServerResponse): void {
    const { auth } = this;
    const form = new URLSearchParams(body);
    const wanted = auth.kind === 'token' && auth.username !== undefined;
    const known =
      auth.kind === 'token' &&
      (method === 'POST'
        ? form.get('refresh_token') === auth.identityToken
        : !wanted || headers.authorization === basic(auth.username ?? '', auth.password ?? ''));
    if (!known) return void response.writeHead(401).end('{"errors":[]}');
    const token = `token-${this.tokens.length}`;
    this.tokens.push(token);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(method === 'POST' ? { access_token: token } : { token, expires_in: 300 }));
  }

  private serve(seen: Seen, response: ServerResponse): void {
    const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(seen.path);
    const [, repository = '', kind, name = ''] = match ?? [];
    const oddity = this.oddities.get(repository);
    if (oddity && (kind === 'manifests' || kind === 'blobs')) {
      const manifest = kind === 'manifests' ? this.manifests.get(`${repository} ${name}`) : undefined;
      const right = manifest?.data ?? this.blobs.get(name) ?? Buffer.alloc(0);
      const nth = this.requests.filter(({ path }) => path === seen.path).length;
      const mediaType = manifest?.mediaType ?? 'application/octet-stream';
      if (oddity({ ...seen, kind, name, data: right, mediaType, nth }, response)) return;
    }
    const data = kind === 'blobs' ? this.blobs.get(name) : undefined;
    if (kind === 'manifests') this.serveManifest(seen, response, this.manifests.get(`${repository} ${name}`));
    else if (data) serveBlob(seen, response, data);
    else notFound(response);
  }

  private serveManifest(
    { method }: Seen,
    response: ServerResponse,
    manifest: { mediaType: string; data: Buffer; digest: string } | undefined,
  ): void {
    if (!manifest) {
      notFound(response);
      return;
    }
    response.writeHead(200, {
      'Content-Type': manifest.mediaType,
      'Content-Length': manifest.data.length,
      'Docker-Content-Digest': manifest.digest,
    });
    response.end(method === 'HEAD' ? undefined : manifest.data);
  }
}

/** The Authorization header of a user. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function serveBlob({ headers }: Seen, response: ServerResponse, data: Buffer): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
  const from = Number(range?.[1] ?? 0);
  const to = range?.[2] ? Number(range[2]) : data.length - 1;
  const rest = data.subarray(from, to + 1);
  response.writeHead(range ? 206 : 200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': rest.length,
    ...(range ? { 'Content-Range': `bytes ${from}-${to}/${data.length}` } : {}),
  });
  response.end(rest);
}

function notFound(response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code: 'UNKNOWN', message: 'there is no such thing' }] }));
}
