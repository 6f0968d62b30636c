import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { refuse } from '../http-answer';
import type { MessageKeeper } from './kept-messages';
import { MessageMeter } from './message-meter';

/** Longest message, in bytes: kubectl sends 32 KiB, the copy buffer of Go's clients. */
export const MESSAGE_BYTES = 1024 * 1024;
/** Most frames of one message; a client of gorilla/websocket cuts its messages every 4 KiB. */
export const MESSAGE_FRAMES = 256;
/** Most pieces in which one frame comes: a TCP segment carries far more than the 256 bytes that are left for each. */
export const FRAME_PIECES = 4096;
/** What a message may keep with all that its client sends amid it, such as pings. */
export const MESSAGE_KEPT_BYTES = 2 * MESSAGE_BYTES;

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
}

/**
 * Makes a WebSocket of a request, speaking `protocol` (empty: the client named none). Rejects when the client leaves or
 * the request is not a proper one; it has been answered then.
 */
export function upgradeToWebSocket(
  { request, socket }: Upgrade,
  protocol: string,
  messages: MessageKeeper,
): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: MESSAGE_BYTES,
    maxFragments: MESSAGE_FRAMES,
    maxBufferedChunks: FRAME_PIECES,
  });
  // `ws` refuses names with a slash, like that of the tunnel: so it is not shown the names, only told what to answer.
  const { 'sec-websocket-protocol': _, ...headers } = request.headers;
  request.headers = headers;
  if (protocol !== '') server.on('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('the client did not become a WebSocket'));
    socket.once('close', gone);
    server.once('wsClientError', (error, refused) => {
      refuse(refused, 400, error.message);
      reject(error);
    });
    server.handleUpgrade(request, socket, Buffer.alloc(0), (webSocket) => {
      socket.off('close', gone);
      webSocket.on('error', () => undefined);
      boundMessages(webSocket, socket, messages);
      resolve(webSocket);
    });
  });
}

/** The WebSocket is cut off when it keeps too much for a message, or all of them do and it keeps the most. */
function boundMessages(webSocket: WebSocket, socket: Duplex, messages: MessageKeeper): void {
  const meter = new MessageMeter();
  const cut = (): void => webSocket.terminate();
  socket.on('data', (piece: Buffer) => {
    meter.read(piece);
    messages.set(webSocket, meter.bytes, cut);
    if (meter.bytes > MESSAGE_KEPT_BYTES) cut();
  });
  socket.once('close', () => messages.forget(webSocket));
}
