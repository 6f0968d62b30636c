import { request as plainRequest } from 'node:http';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import { type SecureContext, connect as tlsConnect } from 'node:tls';
import { withDeadline } from '../base/deadline';
import { isPassing } from './passing';
import { proxyAuthorization } from './proxy';
import { hostname, type Trust } from './registry-host';

/** How to reach a server: where it is, through whom, and whom to believe. */
export interface Route {
  readonly target: URL;
  readonly proxy: URL | undefined;
  readonly trust: Trust;
  /** For TLS with the target; none where it is spoken to without. */
  readonly context: SecureContext | undefined;
  /** For TLS with the proxy; likewise. */
  readonly proxyContext: SecureContext | undefined;
}

/** The code of a TlsRefusedError. */
export const TLS_REFUSED = 'TLS_REFUSED';

/** The server was reached but does not speak TLS, or not with us; a wrong certificate is another error. */
export class TlsRefusedError extends Error {
  override readonly name = 'TlsRefusedError';
  readonly code = TLS_REFUSED;
}

/** The code of a ProxyError that may pass. */
export const PROXY_BUSY = 'PROXY_BUSY';

/** A proxy that was reached and makes no connection to the target. */
class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: string | undefined;
  constructor(message: string, status: number) {
    super(message);
    this.code = isPassing(status) ? PROXY_BUSY : undefined;
  }
}

/** Makes connections along one route. */
export class Dialer {
  constructor(
    private readonly route: Route,
    private readonly closed: AbortSignal,
  ) {}

  /** A connection over which HTTP can be spoken to the target. Rejects after the route's dial timeout. */
  async dial(): Promise<Socket> {
    using deadline = withDeadline(
      this.closed,
      this.route.trust.dialTimeoutMs,
      `connecting to ${this.route.target.host}`,
    );
    return await this.dialUntil(deadline.signal); // awaited here: the deadline ends with this function
  }

  private async dialUntil(limit: AbortSignal): Promise<Socket> {
    const { target, proxy } = this.route;
    if (!proxy) {
      const socket = await plainConnection(target, limit);
      return target.protocol === 'https:' ? this.secure(socket, target, limit) : socket;
    }
    const toProxy = await plainConnection(proxy, limit);
    const spoken = proxy.protocol === 'https:' ? await this.secure(toProxy, proxy, limit) : toProxy;
    if (target.protocol === 'http:') return spoken;
    return this.secure(await tunnel(spoken, this.route, limit), target, limit);
  }

  private secure(socket: Socket, url: URL, limit: AbortSignal): Promise<Socket> {
    const name = hostname(url.host);
    const forTarget = url === this.route.target;
    return new Promise((resolve, reject) => {
      const secured = tlsConnect({
        socket,
        host: name,
        servername: isIP(name) ? undefined : name,
        secureContext: forTarget ? this.route.context : this.route.proxyContext,
        rejectUnauthorized: !(forTarget && this.route.trust.skipVerify),
      });
      settle(secured, { event: 'secureConnect', limit, resolve, reject: (error) => reject(asTlsError(error)) });
    });
  }
}

function plainConnection(url: URL, limit: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
    const socket = netConnect({ host: hostname(url.host), port, keepAlive: true, noDelay: true });
    settle(socket, { event: 'connect', limit, resolve, reject });
  });
}

/** Asks the proxy for a connection to the target (RFC 9110, CONNECT). */
function tunnel(socket: Socket, { target, proxy }: Route, limit: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const authority = `${target.hostname}:${target.port || '443'}`;
    const headers = { Host: authority, ...(proxy ? proxyAuthorization(proxy) : {}) };
    const request = plainRequest({
      method: 'CONNECT',
      path: authority,
      headers,
      createConnection: () => socket, // counts only where no agent is named, not even none
      signal: limit,
    });
    const refusal = (status = 0): Error =>
      new ProxyError(`the proxy ${proxy?.host} answered ${status} to CONNECT ${authority}`, status);
    request.once('connect', (response, tunnelled: Socket) => {
      if (response.statusCode === 200) return resolve(tunnelled);
      tunnelled.destroy();
      return reject(refusal(response.statusCode));
    });
    request.once('response', (response) => {
      response.destroy();
      reject(refusal(response.statusCode));
    });
    request.once('error', reject);
    request.end();
  });
}

interface Settling {
  readonly event: 'connect' | 'secureConnect';
  readonly limit: AbortSignal;
  resolve(socket: Socket): void;
  reject(error: Error): void;
}

/** Resolves at `event`; rejects, and closes the socket, at an error, an early end, or when the time is up. */
function settle(socket: Socket, { event, limit, resolve, reject }: Settling): void {
  const onTimeout = (): void => fail(limit.reason);
  const onClose = (): void => fail(new Error('the connection was closed while it was set up'));
  const done = (): void => {
    limit.removeEventListener('abort', onTimeout);
    socket.off('close', onClose);
    socket.off('error', fail);
  };
  const fail = (error: Error): void => {
    done();
    socket.on('error', () => undefined);
    socket.destroy();
    reject(error);
  };
  socket.once('error', fail);
  socket.once('close', onClose);
  if (limit.aborted) onTimeout();
  limit.addEventListener('abort', onTimeout, { once: true });
  socket.once(event, () => {
    done();
    resolve(socket);
  });
}

function asTlsError(error: Error): Error {
  const code = 'code' in error ? String(error.code) : '';
  const aboutTrust = /CERT|SIGNATURE|ERR_TLS|SELF_SIGNED|UNABLE_TO/.test(code);
  return aboutTrust ? error : new TlsRefusedError(`TLS failed: ${error.message}`, { cause: error });
}
