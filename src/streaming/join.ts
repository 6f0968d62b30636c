import type { Duplex } from 'node:stream';

/** What a client gets to end its side once the target has ended. */
const CLIENT_ENDS_WITHIN_MS = 1000;
/** What a target gets to take what its client has sent, once the client's connection is gone. */
export const TARGET_TAKES_WITHIN_MS = 10_000;

/**
 * Copies both ways between a client and what it has been connected to, until both have ended or one has failed. A client
 * that has sent all may wait for its answer as long as it likes; a target that has ended is not kept for much longer, and
 * neither is one whose client has left (`gone`) without its having taken all that the client had sent.
 * Whatever the target does, the client sees an end and not an error: kubectl would give up all its connections.
 */
export function join(client: Duplex, target: Duplex, gone?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = { toClient: false, toTarget: false };
    let timer: NodeJS.Timeout | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      gone?.removeEventListener('abort', clientGone);
      client.destroy();
      target.destroy();
      resolve();
    };
    const clientGone = (): void => {
      timer ??= setTimeout(finish, TARGET_TAKES_WITHIN_MS);
    };
    const clientHasAll = (): void => {
      done.toClient = true;
      if (done.toTarget) finish();
      else timer ??= setTimeout(finish, CLIENT_ENDS_WITHIN_MS);
    };
    target.on('error', () => undefined); // `close` follows
    client.on('error', () => undefined);
    client.on('finish', clientHasAll);
    client.on('close', finish);
    target.on('finish', () => {
      done.toTarget = true;
      if (done.toClient) finish();
    });
    target.on('close', () => {
      done.toTarget = true;
      client.resume(); // what it still sends has nowhere to go
      if (done.toClient) finish();
      else client.end();
    });
    if (client.destroyed || target.destroyed) {
      finish();
      return;
    }
    gone?.addEventListener('abort', clientGone, { once: true });
    if (gone?.aborted) clientGone();
    client.pipe(target);
    target.pipe(client);
  });
}
