import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { askOutside } from '../../base/wait/outside';
import { unreachable } from '../errors';
import { redactUrl } from '../redact';
import { BODY_IDLE_MS, DISCARD_MS, DISCARDED_BYTES } from './http-limits';

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

const FIRST_BYTES = 16_384;

/**
 * The pieces of a body. Throws a DeadlineError when the next one takes longer than `limitMs` says. Whatever happens, the body
 * has ended or is destroyed afterwards.
 */
export async function* piecesOf(body: Readable, limitMs: () => number = () => BODY_IDLE_MS): AsyncGenerator<Buffer> {
  const pieces: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await askOutside({ what: 'the next byte', limitMs: limitMs() }, () => pieces.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    body.on('error', () => undefined).destroy();
  }
}

/**
 * Reads a body that must not be longer than `maxBytes`; `undefined` if it is. Nothing is read beyond the limit, and each piece
 * is told to `moved`. Throws a PullError when the body breaks off. What it takes in memory grows with the bytes, not with the
 * number of pieces.
 */
export async function readBody(
  response: HttpResponse,
  maxBytes: number,
  moved: (bytes: number) => void = () => undefined,
): Promise<Buffer | undefined> {
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    discard(response.body);
    return undefined;
  }
  let gathered: Buffer = Buffer.allocUnsafe(Math.min(maxBytes, announced || FIRST_BYTES));
  let size = 0;
  try {
    for await (const piece of piecesOf(response.body)) {
      moved(piece.length);
      if (size + piece.length > maxBytes) return undefined;
      gathered = withRoom(gathered, size, size + piece.length, maxBytes);
      size += piece.copy(gathered, size);
    }
  } catch (error) {
    throw unreachable(`reading from ${redactUrl(response.url)}`, error);
  }
  return gathered.subarray(0, size);
}

/** The same buffer, or one of twice the size that has what was in it. */
function withRoom(gathered: Buffer, used: number, wanted: number, maxBytes: number): Buffer {
  if (wanted <= gathered.length) return gathered;
  const roomier = Buffer.allocUnsafe(Math.min(Math.max(2 * gathered.length, wanted), maxBytes));
  gathered.copy(roomier, 0, 0, used);
  return roomier;
}

/** Lets go of a body that nobody wants: a short one that comes soon is read, which keeps the connection; another is cut off. */
export function discard(body: IncomingMessage): void {
  body.on('error', () => undefined);
  const length = Number(body.headers['content-length'] ?? Number.NaN);
  if (!(length <= DISCARDED_BYTES)) {
    body.destroy();
    return;
  }
  const late = setTimeout(() => body.destroy(), DISCARD_MS);
  late.unref();
  body.once('close', () => clearTimeout(late));
  body.resume();
}
