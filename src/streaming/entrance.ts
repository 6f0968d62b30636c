import type { Socket } from 'node:net';
import { refuse } from './http-answer';
import { readHead } from './request-head';

/** What a client gets from its connection to the end of its request's head, TLS handshake included. */
export const HEAD_WITHIN_MS = 10_000;

export interface EntranceOptions {
  /** Connections that have shown no token, above which the oldest of them is closed. */
  readonly most: number;
  /** HEAD_WITHIN_MS; for tests. */
  readonly headWithinMs?: number;
  /** Whether a request for this path may be served. Nothing is spent. */
  knows(path: string): boolean;
  /** A client whose head is here as a whole and whose path is known. `socket` is paused, and `head` is what it has sent. */
  admit(socket: Socket, head: Buffer): void;
  /** A connection was closed to make room for a further one. */
  onDropped(): void;
}

interface Waiting {
  readonly socket: Socket;
  readonly late: NodeJS.Timeout;
}

/**
 * Where clients come in. Anybody on this machine may connect, so a connection costs little until it has shown a token: it
 * is one of a few, has a time limit, and is read up to the end of one request's head, without an HTTP parser, which would
 * take a request every 26 bytes. A connection that is refused is one of the few until it is closed.
 */
export class Entrance {
  /** By the client's address and port, oldest first. */
  private readonly waiting = new Map<string, Waiting>();

  constructor(private readonly options: EntranceOptions) {}

  /** How many connections have shown no token. */
  get size(): number {
    return this.waiting.size;
  }

  /** A connection has come: of bare TCP, also where TLS follows on it. */
  connected(socket: Socket): void {
    const { most, headWithinMs = HEAD_WITHIN_MS } = this.options;
    while (this.waiting.size >= most) this.dropOldest();
    socket.on('error', () => undefined); // `close` follows
    if (socket.remotePort === undefined) {
      socket.destroy(); // it has left already, and has no address any more
      return;
    }
    const peer = peerOf(socket);
    const late = setTimeout(() => socket.destroy(), headWithinMs);
    this.waiting.set(peer, { socket, late });
    socket.once('close', () => this.forget(peer, socket));
  }

  /** Reads the head of the request: on the connection itself, or on the TLS that is spoken on it. */
  read(socket: Socket): void {
    let sent: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined); // `close` follows
    const onEnd = (): void => void socket.destroy();
    const onData = (chunk: Buffer): void => {
      const from = sent.length;
      sent = from === 0 ? chunk : Buffer.concat([sent, chunk]);
      const head = readHead(sent, from);
      if (head === undefined) return;
      socket.off('data', onData).off('end', onEnd);
      socket.pause();
      if ('code' in head) refuse(socket, head.code, head.why);
      else if (this.options.knows(head.path)) this.admit(socket, sent);
      else refuse(socket, 404, 'there is no such request, or it was dialled before, or too late');
    };
    socket.on('data', onData);
    socket.on('end', onEnd);
  }

  private admit(socket: Socket, head: Buffer): void {
    const peer = peerOf(socket);
    const waiting = this.waiting.get(peer);
    if (waiting) this.forget(peer, waiting.socket);
    this.options.admit(socket, head);
  }

  private forget(peer: string, socket: Socket): void {
    const waiting = this.waiting.get(peer);
    if (waiting?.socket !== socket) return;
    clearTimeout(waiting.late);
    this.waiting.delete(peer);
  }

  private dropOldest(): void {
    const [oldest] = this.waiting;
    if (!oldest) return;
    const [peer, { socket }] = oldest;
    this.forget(peer, socket);
    socket.destroy();
    this.options.onDropped();
  }
}

/** TLS on a connection has the address of that connection. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
