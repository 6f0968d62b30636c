import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Answers an upgrade request that is not granted, and closes. */
export function refuse(socket: Duplex, code: number, why: string): void {
  const body = Buffer.from(`${why}\n`);
  const head = [
    `HTTP/1.1 ${code} ${STATUS_CODES[code]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
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
