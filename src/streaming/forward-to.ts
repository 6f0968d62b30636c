import type { Duplex } from 'node:stream';
import type { Logger } from '../base/logger';
import { join } from './join';
import type { SharedLimits } from './limits';

/** How the connections of one client are forwarded. */
export interface ForwardOptions {
  readonly log: Logger;
  readonly creationTimeoutMs: number;
  /** Whose ports these are: a pod. */
  readonly owner: string;
  readonly shared: SharedLimits;
  /** Connects to a port of the pod. */
  dial(port: number, signal: AbortSignal): Promise<Duplex>;
}

/**
 * Connects to a port and copies between it and the client until both have ended or one has failed. Rejects when there is no
 * connection. Dials for as long as the client wants it: neither its stream, if there is one before, nor the client itself
 * may go meanwhile.
 */
export async function forwardTo(
  port: number,
  client: Duplex | (() => Duplex),
  options: ForwardOptions & { readonly clientGone: AbortSignal },
): Promise<void> {
  const { shared, owner, clientGone } = options;
  const leave = shared.forwarded.take(owner);
  if (!leave) throw new Error('too many connections are forwarded already');
  try {
    const stream = typeof client === 'function' ? undefined : client;
    const target = await dialFor(stream, clientGone, (gone) => options.dial(port, gone));
    await join(typeof client === 'function' ? client() : client, target, clientGone);
  } finally {
    leave();
  }
}

async function dialFor(
  client: Duplex | undefined,
  signal: AbortSignal,
  dial: (gone: AbortSignal) => Promise<Duplex>,
): Promise<Duplex> {
  const gone = new AbortController();
  const giveUp = (): void => gone.abort(new Error('the client has given up'));
  if (signal.aborted || client?.destroyed) giveUp();
  client?.once('close', giveUp);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await dial(gone.signal);
  } finally {
    client?.off('close', giveUp);
    signal.removeEventListener('abort', giveUp);
  }
}
