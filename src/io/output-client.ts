import type { Writable } from 'node:stream';

export interface OutputClientEvents {
  /** The stream was closed or failed: nobody is there any more. */
  onGone(): void;
  /** More than `backlogBytes` wait to be taken. */
  onSlow(): void;
  /** `end` was called, and all that was written before has been taken. */
  onFlushed(): void;
  /** The client took a chunk; `waiting` bytes are left. */
  onTaken?(waiting: number): void;
}

/** One output of one client: counts what it has not taken yet, so that a slow one cannot make us keep everything. */
export class OutputClient {
  private pending = 0;
  private ending = false;
  private closed = false;

  constructor(
    private readonly to: Writable,
    private readonly backlogBytes: number,
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
    if (this.pending + chunk.length > this.backlogBytes) {
      this.events.onSlow();
      return;
    }
    this.pending += chunk.length;
    this.to.write(chunk, () => {
      this.pending -= chunk.length;
      this.events.onTaken?.(this.pending);
      this.tellFlushed();
    });
  }

  /** Nothing more is coming. The stream itself is not ended: it belongs to the caller. */
  end(): void {
    if (this.closed || this.ending) return;
    this.ending = true;
    queueMicrotask(() => this.tellFlushed());
  }

  /** Forgets the stream. */
  release(): void {
    this.closed = true;
    this.to.off('close', this.gone);
  }

  /** Forgets the stream and destroys it, with what it has not taken. */
  destroy(why: string): void {
    this.release();
    this.to.destroy(new Error(why));
  }

  private readonly gone = (): void => {
    if (this.closed) return;
    this.release();
    this.events.onGone();
  };

  private tellFlushed(): void {
    if (!this.ending || this.closed || this.pending > 0) return;
    this.release();
    this.events.onFlushed();
  }
}
