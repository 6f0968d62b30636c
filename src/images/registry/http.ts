import { Agent, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { PullError, refused, unreachable } from '../errors';
import { redactUrl } from '../redact';
import type { TrustStore } from './certificates';
import { DeadHosts, type Dialling, HostMemory, type RouteKeys } from './dead-hosts';
import { Dialer } from './dial';
import { exchange } from './exchange';
import { discard, type HttpResponse } from './http-body';
import { MAX_CONNECTIONS, MAX_IDLE_SERVERS, MAX_REDIRECTS } from './http-limits';
import { type ProxyEnvironment, proxyAuthorization, proxyFor } from './proxy';
import { SYSTEM_TRUST, type Trust } from './registry-host';

const USER_AGENT = 'crisp';

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

/** The connections to one server. */
interface Server {
  readonly agent: Agent;
  /** Exchanges whose answer has not ended. */
  busy: number;
}

/**
 * HTTP as a registry client needs it. Redirects are followed here, so that what is meant for one host is never sent to
 * another. Connections are kept for the lifetime of the client: close it.
 */
export class HttpClient {
  private readonly servers = new Map<string, Server>();
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
    for (const { agent } of this.servers.values()) agent.destroy();
    this.servers.clear();
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
      const server = await this.serverFor({ url, proxy, trust, keys, signal });
      const sent = { method, path: viaProxy ? `${url.origin}${path}` : path, headers };
      const answer = await exchangeWith(server, sent, { body, signal });
      this.memory.hasAnswered(keys);
      return answer;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof PullError) throw error;
      throw unreachable(`${method} ${redactUrl(url)}`, error);
    }
  }

  /** The connections to a server, which count as busy with one more exchange. */
  private async serverFor(route: ServerRoute): Promise<Server> {
    const server = this.servers.get(route.keys.connection) ?? (await this.newServer(route));
    server.busy++;
    return server;
  }

  private async newServer({ url, proxy, trust, keys, signal }: ServerRoute): Promise<Server> {
    // Reading all certificates takes a tenth of a second and more.
    const context = url.protocol === 'https:' ? await this.store.contextFor(trust, signal) : undefined;
    const proxyContext = proxy?.protocol === 'https:' ? await this.store.contextFor(SYSTEM_TRUST, signal) : undefined;
    const dialer = new Dialer({ target: url, proxy, trust, context, proxyContext }, this.closed.signal);
    const made = this.servers.get(keys.connection) ?? { agent: dialingAgent(() => this.dial(dialer, keys)), busy: 0 };
    this.servers.delete(keys.connection); // the order of the map is that of time
    this.servers.set(keys.connection, made);
    this.forgetIdle(keys.connection);
    return made;
  }

  /** Closes the connections to servers that were met first and are not in use, beyond so many. */
  private forgetIdle(besides: string): void {
    for (const [key, { agent, busy }] of this.servers) {
      if (this.servers.size <= MAX_IDLE_SERVERS) return;
      if (busy > 0 || key === besides) continue;
      agent.destroy();
      this.servers.delete(key);
    }
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

interface ServerRoute {
  readonly url: URL;
  readonly proxy: URL | undefined;
  readonly trust: Trust;
  readonly keys: RouteKeys;
  readonly signal: AbortSignal;
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

/** As `exchange`; the server is busy no more when it has failed, or the answer's body has ended. */
async function exchangeWith(
  server: Server,
  sent: { method: string; path: string; headers: OutgoingHttpHeaders },
  { body, signal }: { body: string | undefined; signal: AbortSignal },
): Promise<IncomingMessage> {
  try {
    const answer = await exchange({ ...sent, agent: server.agent }, { body, signal });
    answer.once('close', () => server.busy--);
    return answer;
  } catch (error) {
    server.busy--;
    throw error;
  }
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
