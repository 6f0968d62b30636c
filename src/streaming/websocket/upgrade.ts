import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { refuse } from '../http-answer';

/** Longest message, in bytes; clients write up to their copy buffer, which is far smaller. */
const MESSAGE_BYTES = 16 * 1024 * 1024;
/** Most pieces of one message; clients send it whole. Each may hold up to 64 KiB of what was read with it. */
const MESSAGE_PIECES = 256;

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came behind the request. */
  readonly head: Buffer;
}

/**
 * Makes a WebSocket of a request, speaking `protocol` (empty: the client named none). Rejects when the client leaves or
 * the request is not a proper one; it has been answered then.
 */
export function upgradeToWebSocket({ request, socket, head }: Upgrade, protocol: string): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: MESSAGE_BYTES,
    maxFragments: MESSAGE_PIECES,
  });
  // `ws` refuses names with a slash, like that of the tunnel: so it is not shown the names, only told what to answer.
  const { 'sec-websocket-protocol': _, ...headers } = request.headers;
  request.headers = headers;
  if (protocol !== '') server.on('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  const { timeout = 0 } = socket as Partial<Socket>;
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('the client did not become a WebSocket'));
    socket.once('close', gone);
    server.once('wsClientError', (error, refused) => {
      refuse(refused, 400, error.message);
      reject(error);
    });
    server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('close', gone);
      if (timeout > 0) (socket as Socket).setTimeout(timeout); // which `ws` has switched off
      webSocket.on('error', () => undefined);
      resolve(webSocket);
    });
  });
}
