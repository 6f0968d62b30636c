import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** What a client gets to close its side of a connection that was refused. */
const CLIENT_ENDS_WITHIN_MS = 1000;
/** What it may still send meanwhile, in bytes: what is on its way with the request. */
export const CLIENT_SENDS_BYTES = 256 * 1024;

/**
 * Answers an upgrade request that is not granted, and closes: a client that stays all the same, or goes on sending, is
 * cut off.
 */
export function refuse(socket: Duplex, code: number, why: string): void {
  const body = Buffer.from(`${why}\n`);
  const head = [
    `HTTP/1.1 ${code} ${STATUS_CODES[code]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
  ];
  // Unread, the client's end would go unseen, and what it still sends would turn our close into a reset.
  let sent = 0;
  socket.on('data', ({ length }: Buffer) => {
    sent += length;
    if (sent > CLIENT_SENDS_BYTES) socket.destroy();
  });
  socket.resume();
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
  const late = setTimeout(() => socket.destroy(), CLIENT_ENDS_WITHIN_MS).unref();
  socket.once('close', () => clearTimeout(late));
}

/** Grants an upgrade to SPDY, naming the protocol spoken inside it. */
export function grantSpdy(socket: Duplex, protocol: string): void {
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    'Upgrade: SPDY/3.1',
    `X-Stream-Protocol-Version: ${protocol}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
}
