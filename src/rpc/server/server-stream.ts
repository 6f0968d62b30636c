import { unlessAborted } from '../../base/wait/deadline';
import type { ServerCall } from './server-call';

/**
 * Writes every reply that a handler yields, no faster than the client reads them. Rejects with the handler's error, or
 * with the signal's reason as soon as it fires; the handler's iterator is then told to return and not waited for.
 */
export async function sendReplies(
  replies: unknown,
  out: { call: ServerCall; encode: (reply: unknown) => readonly Buffer[]; signal: AbortSignal },
): Promise<void> {
  const { call, encode, signal } = out;
  const iterator = (replies as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  let exhausted = false;
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      exhausted = next.done === true;
      if (exhausted) return;
      const held = call.hold(signal);
      if (held) await held;
      if (!call.reply(encode(next.value))) await unlessAborted(call.room(), signal);
    }
  } finally {
    if (!exhausted) void iterator.return?.()?.catch(() => undefined);
  }
}

/** The requests of a call, decoded; ends when the client has sent its last, throws the signal's reason. */
export async function* decodedRequests(
  call: ServerCall,
  decode: (bytes: Buffer) => unknown,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const iterator = call.requests();
  for (;;) {
    const next: IteratorResult<Buffer> = await unlessAborted(iterator.next(), signal);
    if (next.done) return;
    yield decode(next.value);
  }
}
