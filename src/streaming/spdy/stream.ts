import { Duplex } from 'node:stream';
import { UnreadQueue } from '../unread-queue';
import type { Headers } from './header-block';

/** What a stream asks of its connection. */
export interface StreamLink {
  /** Calls `done` when the connection can take more, or with what ended it. */
  send(streamId: number, chunk: Buffer, done: (error?: Error | null) => void): void;
  sendFin(streamId: number, done: (error?: Error | null) => void): void;
  /** The peer learns that nobody deals with this stream any more. */
  sendReset(streamId: number): void;
  /** A stream has as much unread as it may, or has no longer. */
  setFull(full: boolean): void;
  /** So many bytes more, or less when it is negative, wait for the stream's reader. */
  keep(by: number): void;
  /** The stream is over in both directions. */
  forget(streamId: number): void;
}

/** Whoever writes waits above this: single bytes are kept as chunks, each some hundred bytes. */
const WRITE_BYTES = 4 * 1024;

/** One stream of a connection. Destroying `io` resets it, unless both sides have said that they are done. */
export class SpdyStream {
  readonly io: Duplex;
  private readonly queue: UnreadQueue;
  private localEnded = false;
  private remoteEnded = false;
  private full = false;

  constructor(
    readonly id: number,
    readonly headers: Headers,
    private readonly link: StreamLink,
    readBytes: number,
  ) {
    this.io = new Duplex({
      allowHalfOpen: true,
      readableHighWaterMark: readBytes,
      writableHighWaterMark: WRITE_BYTES,
      read: () => this.setFull(false),
      write: (chunk: Buffer, _encoding, done) => link.send(id, chunk, done),
      final: (done) => {
        this.localEnded = true;
        link.sendFin(id, done);
        this.forgetIfOver();
      },
      destroy: (error, done) => {
        this.setFull(false);
        this.abandon();
        done(error);
      },
    });
    this.queue = new UnreadQueue(this.io, (by) => link.keep(by));
    // Whoever uses the stream is told; without this listener, an error in the moment before would end the process.
    this.io.on('error', () => undefined);
  }

  /** Data from the peer. */
  receive(part: Buffer): void {
    if (this.remoteEnded || this.io.destroyed) return;
    if (!this.queue.push(part)) this.setFull(true);
  }

  /** The peer sends nothing more. */
  receiveFin(): void {
    if (this.remoteEnded) return;
    this.remoteEnded = true;
    this.queue.end();
    this.setFull(false); // nothing more can come, and no read will ask for it
    this.forgetIfOver();
  }

  /** The peer has given this stream up. */
  receiveReset(): void {
    this.localEnded = true;
    this.remoteEnded = true;
    this.link.forget(this.id);
    this.io.destroy(new Error('the client has reset the stream'));
  }

  /** The connection is gone. What came before the peer's own end can still be read; everything else is over. */
  lose(): void {
    this.localEnded = true;
    if (!this.remoteEnded || this.io.readableEnded) this.io.destroy();
    this.remoteEnded = true;
  }

  private setFull(full: boolean): void {
    if (this.full === full) return;
    this.full = full;
    this.link.setFull(full);
  }

  private abandon(): void {
    if (this.localEnded && this.remoteEnded) return;
    this.localEnded = true;
    this.remoteEnded = true;
    this.link.sendReset(this.id);
    this.link.forget(this.id);
  }

  private forgetIfOver(): void {
    if (this.localEnded && this.remoteEnded) this.link.forget(this.id);
  }
}
