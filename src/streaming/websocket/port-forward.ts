import { setMaxListeners } from 'node:events';
import { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket } from 'ws';
import { errorMessage } from '../../base/errors';
import { type ForwardOptions, forwardTo } from '../forward-to';
import { forwardOverSpdy } from '../spdy/port-forward';
import { UnreadQueue } from '../unread-queue';
import { WebSocketChannels } from './channels';

/** What follows the upgrade is a SPDY connection, cut into binary messages. */
export function forwardThroughTunnel(socket: WebSocket, options: ForwardOptions): Promise<void> {
  const stream = createWebSocketStream(socket);
  stream.on('error', () => undefined);
  const messages = options.shared.messages.of(options.owner);
  let kept = 0;
  const queue = new UnreadQueue(stream, (by) => {
    kept += by;
    messages.set(stream, kept, () => socket.terminate());
  });
  socket.on('message', () => queue.count());
  return forwardOverSpdy(stream, options);
}

/**
 * Connects each of the ports at once, with two channels: one for data and one for what went wrong. The first message of
 * each names its port, so that the client knows which is which. Resolves when the client has left.
 */
export async function forwardOverChannels(
  socket: WebSocket,
  ports: readonly number[],
  options: ForwardOptions & { base64: boolean },
): Promise<void> {
  const gone = new AbortController();
  setMaxListeners(0, gone.signal); // one for each connection that is being made
  const closed = new Promise<void>((resolve) => {
    const left = (): void => {
      gone.abort(new Error('the client is gone'));
      resolve();
    };
    socket.once('close', left);
    if (socket.readyState !== socket.OPEN) left();
  });
  const channels = new WebSocketChannels(socket, {
    base64: options.base64,
    halfClose: false,
    messages: options.shared.messages.of(options.owner),
  });
  const { signal } = gone;
  const all = Promise.all(
    [...ports.entries()].map(([index, port]) => forward(channels, { ...options, index, port, signal })),
  );
  // The protocol has no word for the end of one connection; the last one takes the WebSocket along.
  await Promise.race([all.then(() => channels.close()), closed]);
  await closed;
}

async function forward(
  channels: WebSocketChannels,
  options: ForwardOptions & { index: number; port: number; signal: AbortSignal },
): Promise<void> {
  const { index, port, signal, log } = options;
  const input = channels.input(index * 2);
  const data = channels.output(index * 2);
  const error = channels.output(index * 2 + 1);
  const name = Buffer.alloc(2);
  name.writeUInt16LE(port);
  data.write(name);
  error.write(name);
  try {
    const client = (): Duplex => Duplex.from({ readable: input, writable: data });
    await forwardTo(port, client, { ...options, clientGone: signal });
  } catch (thrown) {
    const message = `forward to port ${port}: ${errorMessage(thrown)}`;
    log.debug('a connection could not be forwarded', { port, error: message });
    input.resume();
    error.write(message);
  }
}
