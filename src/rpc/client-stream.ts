import type { ClientDuplexStream, ClientReadableStream } from '@grpc/grpc-js';

interface How {
  readonly signal?: AbortSignal;
  readonly toError: (thrown: unknown) => Error;
}

/**
 * The replies of a stream. They can be read once; leaving the loop early gives the call up. Throws the error of the
 * call, or the signal's reason; grpc-js lets an error overtake replies that nobody has asked for yet.
 */
export function responsesOf(call: ClientReadableStream<unknown>, { signal, toError }: How): AsyncIterable<unknown> {
  let failure: Error | undefined;
  // Without a listener the error of a stream that nobody reads yet would end the process.
  call.on('error', (error) => {
    failure ??= toError(error);
  });
  const onAbort = (): void => call.cancel();
  signal?.addEventListener('abort', onAbort, { once: true });
  call.once('status', () => signal?.removeEventListener('abort', onAbort));

  async function* read(): AsyncGenerator<unknown> {
    try {
      if (failure) throw failure;
      for await (const reply of call) yield reply;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw failure ?? toError(error);
    } finally {
      call.cancel();
    }
  }
  return read();
}

/**
 * How to write requests: each promise resolves when the connection has taken its request, and rejects when the call has
 * failed or has ended before.
 */
export function requestWriter(
  call: ClientDuplexStream<Buffer, unknown>,
  { signal, toError }: How,
): (bytes: Buffer) => Promise<void> {
  const waiting = new Set<() => void>();
  let failure: unknown;
  let over = false;
  call.on('error', (error) => {
    failure ??= toError(error);
  });
  // The last event of every call: a request that is still on its way then will never be reported as written.
  call.on('status', () => {
    over = true;
    for (const settle of waiting) settle();
  });
  return (bytes) =>
    new Promise((resolve, reject) => {
      const settle = (): void => {
        waiting.delete(settle);
        if (signal?.aborted) reject(signal.reason);
        else if (failure !== undefined) reject(failure);
        else resolve();
      };
      if (signal?.aborted) return reject(signal.reason);
      if (over) return reject(failure ?? toError(new Error('the call has ended')));
      waiting.add(settle);
      call.write(bytes, (error: unknown) => {
        if (error) failure ??= toError(error);
        settle();
      });
    });
}
