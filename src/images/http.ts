import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as plainRequest,
} from 'node:http';
import type { Socket } from 'node:net';
import type { TrustStore } from './certificates';
import { DeadHosts, type Dialling, HostMemory, type RouteKeys } from './dead-hosts';
import { Dialer } from './dial';
import { PullError, refused, unreachable } from './errors';
import { type ProxyEnvironment, proxyAuthorization, proxyFor } from './proxy';
import { redactUrl } from './redact';
import { SYSTEM_TRUST, type Trust } from './registry-host';

const MAX_REDIRECTS = 10;
const USER_AGENT = 'crisp';
/** Connections to one server at once. Layers of several images may come from it. */
const MAX_CONNECTIONS = 32;

/** One request to a registry or to a token server. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  /** Sent on every hop. */
  readonly headers: Readonly<OutgoingHttpHeaders>;
  /** Sent to the host of `url` only: Authorization, and whatever an administrator configured for that host. */
  readonly private: Readonly<OutgoingHttpHeaders>;
  /** What is sent to a host that a redirect leads to, by its address: what that host itself has asked for, and nothing of ours. */
  readonly elsewhere?: (url: URL) => Promise<Readonly<OutgoingHttpHeaders>>;
  readonly body?: string;
  readonly trust: Trust;
  readonly signal: AbortSignal;
  /** A redirect from https to plain http is followed: right for content whose digest is checked, wrong for all else. */
  readonly plainRedirects?: boolean;
  /** What to do about hosts, of redirects too, that could not be reached before; left out: they are not dialled again. */
  readonly dialling?: Dialling | undefined;
}

/** One step on a request's way through redirects. */
interface Hop {
  readonly url: URL;
  readonly foreign: boolean;
  /** Headers that no other host may see. */
  readonly onlyHere: Readonly<OutgoingHttpHeaders> | undefined;
}

/** An answer whose body must be read to its end or destroyed. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
  /** Who answered, after redirects; may be a signed URL, so redact it. */
  readonly url: URL;
  /** True if another host than the one asked has answered: its challenges are not to be met with credentials. */
  readonly foreign: boolean;
  /** The Authorization header with which the host that answered was asked. */
  readonly sentAuthorization?: string | undefined;
}

/**
 * HTTP as a registry client needs it. Redirects are followed here, so that what is meant for one host is never sent to
 * another. Connections are kept for the lifetime of the client: close it.
 */
export class HttpClient {
  private readonly agents = new Map<string, Agent>();
  private readonly closed = new AbortController();
  private readonly memory: HostMemory;

  constructor(
    private readonly store: TrustStore,
    private readonly env: ProxyEnvironment = process.env,
    deadHosts = new DeadHosts(),
  ) {
    this.memory = new HostMemory(deadHosts);
  }

  /** Sends a request and answers when the headers are there. Throws a PullError of the kind 'registry' if none come. */
  async request(request: HttpRequest): Promise<HttpResponse> {
    let url = request.url;
    let foreign = false;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      foreign ||= url.origin !== request.url.origin; // who was sent elsewhere and back is still not trusted
      const onlyHere = foreign ? await request.elsewhere?.(url) : request.private;
      const message = await this.send(request, { url, foreign, onlyHere });
      const status = message.statusCode ?? 0;
      const next = redirectTarget(message, url);
      const authorization = onlyHere?.Authorization;
      const sentAuthorization = typeof authorization === 'string' ? authorization : undefined;
      if (!next) return { status, headers: message.headers, body: message, url, foreign, sentAuthorization };
      discard(message);
      if (request.body !== undefined) throw refused(`${redactUrl(url)} redirects a POST, which is not followed`);
      if (next.protocol === 'http:' && url.protocol === 'https:' && !request.plainRedirects) {
        throw refused(`${redactUrl(url)} redirects from https to plain http, which is not followed`);
      }
      url = next;
    }
    throw refused(`${redactUrl(request.url)} redirects more than ${MAX_REDIRECTS} times`);
  }

  /** Closes what is open. Requests under way fail. */
  close(): void {
    this.closed.abort(new Error('the HTTP client was closed'));
    for (const agent of this.agents.values()) agent.destroy();
    this.agents.clear();
  }

  private async send(request: HttpRequest, { url, foreign, onlyHere }: Hop): Promise<IncomingMessage> {
    request.signal.throwIfAborted();
    // Whoever a registry sends us to is checked as strictly as the registry, but does not learn who we are.
    const trust = foreign ? { ...request.trust, client: [] } : request.trust;
    const proxy = proxyFor(url, this.env);
    const viaProxy = proxy !== undefined && url.protocol === 'http:';
    const headers = {
      'User-Agent': USER_AGENT,
      Host: url.host,
      ...request.headers,
      ...onlyHere,
      ...(viaProxy ? proxyAuthorization(proxy) : {}),
      ...(request.body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(request.body)) }),
    };
    const path = `${url.pathname}${url.search}`;
    const keys = routeKeys(url, proxy, trust);
    const { method, signal, body } = request;
    try {
      this.memory.check(keys, diallingOf(request, url));
      const agent = await this.agentFor({ url, proxy, trust, keys });
      signal.throwIfAborted();
      const sent = { method, path: viaProxy ? `${url.origin}${path}` : path, headers, agent, signal };
      const answer = await exchange(sent, body);
      this.memory.hasAnswered(keys);
      return answer;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof PullError) throw error;
      throw unreachable(`${method} ${redactUrl(url)}`, error);
    }
  }

  private async agentFor({ url, proxy, trust, keys }: AgentRoute): Promise<Agent> {
    const known = this.agents.get(keys.connection);
    if (known) return known;
    // Reading all certificates takes a tenth of a second and more.
    const context = url.protocol === 'https:' ? await this.store.contextFor(trust) : undefined;
    const proxyContext = proxy?.protocol === 'https:' ? await this.store.contextFor(SYSTEM_TRUST) : undefined;
    const dialer = new Dialer({ target: url, proxy, trust, context, proxyContext }, this.closed.signal);
    const agent = this.agents.get(keys.connection) ?? dialingAgent(() => this.dial(dialer, keys));
    this.agents.set(keys.connection, agent);
    return agent;
  }

  private async dial(dialer: Dialer, keys: RouteKeys): Promise<Socket> {
    const started = performance.now();
    try {
      return await dialer.dial();
    } catch (error) {
      if (!this.closed.signal.aborted) this.memory.unreached(keys, error, performance.now() - started);
      throw error;
    }
  }
}

/** A registry that insists on its redirect leaves nothing else to ask: the host that it leads to is dialled then. */
function diallingOf({ dialling = 'unless-dead', url: first }: HttpRequest, url: URL): Dialling {
  return dialling === 'insist' && url.origin !== first.origin ? 'always' : dialling;
}

interface AgentRoute {
  readonly url: URL;
  readonly proxy: URL | undefined;
  readonly trust: Trust;
  readonly keys: RouteKeys;
}

function routeKeys(url: URL, proxy: URL | undefined, trust: Trust): RouteKeys {
  return {
    host: JSON.stringify([url.origin, proxy?.href, trust.dialTimeoutMs]),
    connection: JSON.stringify([url.origin, proxy?.href, trust]),
  };
}

/** An agent of Node that takes its connections from `dial`; TLS included, which is why it is one for plain HTTP. */
function dialingAgent(dial: () => Promise<Socket>): Agent {
  type Done = (error: Error | null, socket?: Socket) => void;
  return Object.assign(new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS }), {
    createConnection: (_options: unknown, done: Done): undefined => {
      dial().then(
        (socket) => done(null, socket),
        (error: Error) => done(error),
      );
    },
  });
}

interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly agent: Agent;
  readonly signal: AbortSignal;
}

/** Rejects at once when the signal fires: Node tells of that only when the connection has been made, or has not. */
function exchange(outgoing: Outgoing, body: string | undefined): Promise<IncomingMessage> {
  const { signal } = outgoing;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const request = plainRequest(outgoing);
    request.once('response', (response) => {
      signal.removeEventListener('abort', onAbort);
      resolve(response);
    });
    request.on('error', (error) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    });
    request.end(body);
  });
}

function redirectTarget(message: IncomingMessage, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(message.statusCode ?? 0)) return undefined;
  const location = message.headers.location ?? '';
  const next = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (location === '' || !next || (next.protocol !== 'https:' && next.protocol !== 'http:')) {
    discard(message);
    throw refused(`${redactUrl(from)} redirects to nowhere`);
  }
  return next;
}

/**
 * Reads a body that must not be longer than `maxBytes`; `undefined` if it is. Nothing is read beyond the limit. Throws a
 * PullError when the body breaks off.
 */
export async function readBody(response: HttpResponse, maxBytes: number): Promise<Buffer | undefined> {
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    discard(response.body);
    return undefined;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) return undefined;
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreachable(`reading from ${redactUrl(response.url)}`, error);
  }
  return Buffer.concat(chunks);
}

/** Lets go of a body that nobody wants: a short one is read, which keeps the connection, a long one cut off. */
export function discard(body: IncomingMessage): void {
  body.on('error', () => undefined);
  const length = Number(body.headers['content-length'] ?? Number.NaN);
  if (length <= 65_536) body.resume();
  else body.destroy();
}
