import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';

/** Connections at once. kubelet has two or three, and each crictl one. */
const MOST_CONNECTIONS = 1000;
/** Which part of the process's descriptors connections may be; the streaming server has its parts of them beside it. */
const DESCRIPTOR_PART = 16;

/** How many connections a process may have that can have so many descriptors open. */
export function mostConnections(openFiles: number = Number.POSITIVE_INFINITY): number {
  return Math.max(1, Math.min(MOST_CONNECTIONS, Math.floor(openFiles / DESCRIPTOR_PART)));
}

/** The connections of a server, bounded in number. One with a call under way is never closed for another. */
export class Sessions {
  private readonly calls = new Map<ServerHttp2Session, number>();
  /** Those without a call; the one that has been so for longest is first. */
  private readonly idle = new Set<ServerHttp2Session>();

  constructor(private readonly most: number) {}

  /** Makes room for a further connection, for which the one that has had no call for longest is closed; false: all have calls. */
  makeRoom(): boolean {
    if (this.calls.size < this.most) return true;
    const [oldest] = this.idle;
    if (oldest === undefined) return false;
    this.forget(oldest);
    oldest.destroy();
    return true;
  }

  /** A connection is there, until it closes. */
  add(session: ServerHttp2Session): void {
    this.calls.set(session, 0);
    this.idle.add(session);
    session.once('close', () => this.forget(session));
  }

  /** A call begins, and ends with its stream. */
  begin(stream: ServerHttp2Stream): void {
    const { session } = stream;
    if (session === undefined) return; // it has gone already
    const own = session as ServerHttp2Session;
    this.count(own, 1);
    stream.once('close', () => this.count(own, -1));
  }

  [Symbol.iterator](): IterableIterator<ServerHttp2Session> {
    return this.calls.keys();
  }

  private count(session: ServerHttp2Session, more: number): void {
    const before = this.calls.get(session);
    if (before === undefined) return;
    this.calls.set(session, before + more);
    if (before + more === 0) this.idle.add(session);
    else this.idle.delete(session);
  }

  private forget(session: ServerHttp2Session): void {
    this.calls.delete(session);
    this.idle.delete(session);
  }
}
