import type { Oddity } from './fake-registry';

/** Writes this instead of an answer, past the server. */
const raw =
  (text: string): Oddity =>
  ({ kind, request }) => {
    if (kind !== 'blobs') return false;
    request.socket.write(text);
    return true;
  };

/** Repositories whose blobs are answered with something that is no answer, by what it is. Each ends the request at once. */
export const HOSTILE_BLOBS: Record<string, Oddity> = {
  'switches-protocols': raw('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nother'),
  'only-informs': raw('HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000)),
  'headers-without-end': raw(`HTTP/1.1 200 OK\r\n${`X-Header: ${'x'.repeat(100)}\r\n`.repeat(10_000)}`),
  nonsense: raw('\0\x01 what?\r\n\r\n'),
  'two-lengths': raw('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'),
  'redirects-in-a-circle': ({ kind, path }, response) => {
    if (kind !== 'blobs') return false;
    response.writeHead(307, { Location: path }).end();
    return true;
  },
};
