import type { Writable } from 'node:stream';
import type { PoolMember } from '../base/byte-pool';
import { GrowingBuffer } from './growing-buffer';

export interface OutputClientEvents {
  /** The stream was closed or failed: nobody is there any more. */
  onGone(): void;
  /** More than `backlogBytes` wait to be taken, or more than all clients together may leave waiting. */
  onSlow(): void;
  /** `end` was called, and all that was written before has been taken. */
  onFlushed(): void;
  /** The client took a chunk; `waiting` bytes are left. */
  onTaken?(waiting: number): void;
}

export interface Backlog {
  /** What the client may leave waiting, in bytes. */
  readonly bytes: number;
  /** Its part of what all clients leave waiting. */
  readonly share?: PoolMember;
}

/**
 * Chunks that are shorter are put together while the client has others to take: a process may print single bytes, and each
 * chunk costs some hundred bytes beside its own.
 */
const SMALL_BYTES = 4096;

/** One output of one client: counts what it has not taken yet, so that a slow one cannot make us keep everything. */
export class OutputClient {
  private pending = 0;
  private underWay = 0;
  private readonly small = new GrowingBuffer();
  private ending = false;
  private closed = false;

  constructor(
    private readonly to: Writable,
    private readonly backlog: Backlog,
    private readonly events: OutputClientEvents,
  ) {
    to.on('error', this.gone); // stays for good: without a listener, a late error would end this process
    to.on('close', this.gone);
    if (to.destroyed) queueMicrotask(this.gone);
  }

  /** Bytes handed over and not yet taken. */
  get waiting(): number {
    return this.pending;
  }

  /** Hands over a chunk, which must not change afterwards. */
  write(chunk: Buffer): void {
    if (this.closed || this.ending) return;
    if (this.isTooMuch(chunk.length)) {
      this.events.onSlow();
      return;
    }
    this.count(chunk.length);
    if (this.underWay > 0 && chunk.length < SMALL_BYTES) {
      this.small.append(chunk);
      return;
    }
    this.sendSmall();
    this.send(chunk);
  }

  /** Nothing more is coming. The stream itself is not ended: it belongs to the caller. */
  end(): void {
    if (this.closed || this.ending) return;
    this.ending = true;
    queueMicrotask(() => this.tellFlushed());
  }

  /** Forgets the stream. What was handed over is its own. */
  release(): void {
    if (!this.closed && !this.to.destroyed) this.sendSmall();
    this.closed = true;
    this.small.clear();
    this.backlog.share?.leave();
    this.to.off('close', this.gone);
  }

  /** Forgets the stream and destroys it, with what it has not taken. */
  destroy(why: string): void {
    this.small.clear();
    this.release();
    this.to.destroy(new Error(why));
  }

  private readonly gone = (): void => {
    if (this.closed) return;
    this.release();
    this.events.onGone();
  };

  /** A client that has taken everything is not slow, however much the others leave lying. */
  private isTooMuch(bytes: number): boolean {
    const { share, bytes: most } = this.backlog;
    return this.pending + bytes > most || (this.pending > 0 && share !== undefined && bytes > share.room);
  }

  private send(chunk: Buffer): void {
    this.underWay++;
    this.to.write(chunk, () => {
      this.underWay--;
      if (this.closed) return;
      this.count(-chunk.length);
      this.sendSmall();
      this.events.onTaken?.(this.pending);
      this.tellFlushed();
    });
  }

  private sendSmall(): void {
    if (this.small.length === 0) return;
    const chunk = Buffer.from(this.small.view());
    this.small.clear();
    this.send(chunk);
  }

  private count(by: number): void {
    this.pending += by;
    this.backlog.share?.set(this.pending);
  }

  private tellFlushed(): void {
    if (!this.ending || this.closed || this.pending > 0) return;
    this.release();
    this.events.onFlushed();
  }
}
