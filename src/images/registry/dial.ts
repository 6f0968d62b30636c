import { type IncomingMessage, request as plainRequest } from 'node:http';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import { type SecureContext, connect as tlsConnect } from 'node:tls';
import { errnoOf, errorMessage } from '../../base/errors';
import { withDeadline } from '../../base/wait/deadline';
import { fromOutside, type LetGo, type OutsideWait, type Told } from '../../base/wait/outside';
import { MAX_INFORMATIONAL } from './http-limits';
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
      const socket = await this.plainConnection(target, limit);
      return target.protocol === 'https:' ? this.secure(socket, target, limit) : socket;
    }
    const toProxy = await this.plainConnection(proxy, limit);
    const spoken = proxy.protocol === 'https:' ? await this.secure(toProxy, proxy, limit) : toProxy;
    if (target.protocol === 'http:') return spoken;
    return this.secure(await this.tunnel(spoken, limit), target, limit);
  }

  /** Each step's wait: all steps together have the limit that one may have. */
  private wait(signal: AbortSignal): OutsideWait {
    const { target, trust } = this.route;
    return { what: `connecting to ${target.host}`, limitMs: trust.dialTimeoutMs, signal };
  }

  private plainConnection(url: URL, limit: AbortSignal): Promise<Socket> {
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
    return fromOutside<Socket>(this.wait(limit), (told) => {
      const socket = netConnect({ host: hostname(url.host), port, keepAlive: true, noDelay: true });
      return connected(socket, 'connect', told);
    });
  }

  private async secure(socket: Socket, url: URL, limit: AbortSignal): Promise<Socket> {
    const name = hostname(url.host);
    const forTarget = url === this.route.target;
    const handshake = fromOutside<Socket>(this.wait(limit), (told) => {
      const secured = tlsConnect({
        socket,
        host: name,
        servername: isIP(name) ? undefined : name,
        secureContext: forTarget ? this.route.context : this.route.proxyContext,
        rejectUnauthorized: !(forTarget && this.route.trust.skipVerify),
      });
      return connected(secured, 'secureConnect', told);
    });
    return handshake.catch((error: unknown) => {
      socket.on('error', () => undefined).destroy();
      throw asTlsError(error);
    });
  }

  /** Asks the proxy for a connection to the target (RFC 9110, CONNECT). */
  private tunnel(socket: Socket, limit: AbortSignal): Promise<Socket> {
    const { target, proxy } = this.route;
    const authority = `${target.hostname}:${target.port || '443'}`;
    const headers = { Host: authority, ...(proxy ? proxyAuthorization(proxy) : {}) };
    return fromOutside<Socket>(this.wait(limit), ({ answer, fail }) => {
      const request = plainRequest({
        method: 'CONNECT',
        path: authority,
        headers,
        createConnection: () => socket, // counts only where no agent is named, not even none
      });
      const refuse = ({ statusCode = 0 }: IncomingMessage): void =>
        fail(new ProxyError(`the proxy ${proxy?.host} answered ${statusCode} to CONNECT ${authority}`, statusCode));
      let informational = 0;
      request.on('information', () => {
        if (++informational > MAX_INFORMATIONAL) fail(new Error(`the proxy ${proxy?.host} does not answer CONNECT`));
      });
      request.once('connect', (response, tunnelled: Socket) => {
        if (response.statusCode === 200) answer(tunnelled);
        else refuse(response);
      });
      request.once('response', refuse);
      request.once('close', () => fail(new Error(`the proxy ${proxy?.host} closed the connection`)));
      request.on('error', fail);
      request.end();
      return () => {
        request.destroy();
        socket.on('error', () => undefined).destroy();
      };
    });
  }
}

/** Tells of `event`, of an error and of an early end; answers how to close the socket. */
function connected(socket: Socket, event: 'connect' | 'secureConnect', { answer, fail }: Told<Socket>): LetGo {
  const onClose = (): void => fail(new Error('the connection was closed while it was set up'));
  socket.once('error', fail);
  socket.once('close', onClose);
  socket.once(event, () => {
    socket.off('close', onClose);
    socket.off('error', fail);
    answer(socket);
  });
  return () => void socket.on('error', () => undefined).destroy();
}

function asTlsError(error: unknown): Error {
  const code = errnoOf(error) ?? '';
  const aboutTrust = /CERT|SIGNATURE|ERR_TLS|SELF_SIGNED|UNABLE_TO/.test(code);
  if (aboutTrust) return error as Error;
  return new TlsRefusedError(`TLS failed: ${errorMessage(error)}`, { cause: error });
}
