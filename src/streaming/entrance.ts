import type { Socket } from 'node:net';
import { helloBytes } from './client-hello';
import { refuse } from './http-answer';
import { HEAD_BYTES, type RequestHead, readHead } from './request-head';

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

  /** Waits for all that a client says before the costly part of a TLS handshake; `begin` is given it, and `socket` is paused. */
  readHello(socket: Socket, begin: (hello: Buffer) => void): void {
    gather(socket, (sent) => {
      const bytes = helloBytes(sent);
      if (bytes !== undefined && sent.length < bytes) return undefined;
      return () => (bytes === undefined ? socket.destroy() : begin(sent));
    });
  }

  /** Reads the head of the request: on the connection itself, or on the TLS that is spoken on it. */
  read(socket: Socket): void {
    gather(socket, (sent, from) => {
      const head = readHead(sent, from);
      return head && (() => this.answer(socket, head, sent));
    });
  }

  private answer(socket: Socket, head: RequestHead, sent: Buffer): void {
    if ('code' in head) refuse(socket, head.code, head.why);
    else if (this.options.knows(head.path)) this.admit(socket, sent);
    else refuse(socket, 404, 'there is no such request, or it was dialled before, or too late');
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

/**
 * Reads until `look`, which is given all that was sent and how much of it it has seen before, answers what is to be done then.
 * `socket` is paused by that time. Pieces are put together in one block, however small they come.
 */
function gather(socket: Socket, look: (sent: Buffer, from: number) => (() => void) | undefined): void {
  let block: Buffer = Buffer.alloc(0);
  let sent: Buffer = block;
  socket.on('error', () => undefined); // `close` follows
  const onEnd = (): void => void socket.destroy();
  const onData = (chunk: Buffer): void => {
    const from = sent.length;
    const length = from + chunk.length;
    if (from === 0) sent = chunk;
    else {
      if (length > block.length) {
        block = Buffer.allocUnsafeSlow(Math.max(length, HEAD_BYTES));
        sent.copy(block);
      }
      chunk.copy(block, from);
      sent = block.subarray(0, length);
    }
    const act = look(sent, from);
    if (!act) return;
    socket.off('data', onData).off('end', onEnd);
    socket.pause();
    act();
  };
  socket.on('data', onData);
  socket.on('end', onEnd);
}
