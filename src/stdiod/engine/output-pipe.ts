import { closeSync } from 'node:fs';
import type { PipePeeker, PipePoller, Pipes } from '../../base/pipes';
import type { LogWriter, OutputStream } from '../../stdio/cri-log';
import { openFifoReader } from '../../stdio/fifo';
import type { Journal, Move } from './journal';

/** What the output pipes of all containers share. */
export interface PipeGround {
  readonly pipes: Pipes;
  readonly poller: PipePoller;
  readonly peeker: PipePeeker;
  readonly journal: Journal;
  /** What a look copies into. */
  readonly peeked: Buffer;
}

/** A container, as seen from one of its outputs. */
export interface PipeOwner {
  readonly id: string;
  /** The log; undefined when there is none. */
  writer(): LogWriter | undefined;
  /** Bytes that nobody was told of before. */
  broadcast(stream: OutputStream, chunk: Buffer): void;
  ended(stream: OutputStream): void;
}

/** Room asked for in a pipe: what a container can print before it has to wait while nobody reads. */
export const PIPE_BYTES = 256 * 1024;

/**
 * One output of a container. A line stays in the pipe until it is whole: it is looked at, written to the log and only then
 * taken out, so that whatever becomes of this process, another finds what it has not written.
 */
export class OutputPipe {
  /** Bytes at the head of the pipe that attached clients already have: the beginning of a line. */
  private seen = 0;
  private hungUp = false;
  private open = true;
  readonly fd: number;
  /** How many bytes the pipe can hold. */
  readonly capacity: number;

  constructor(
    path: string,
    readonly stream: OutputStream,
    private readonly owner: PipeOwner,
    private readonly ground: PipeGround,
  ) {
    this.fd = openFifoReader(path);
    try {
      this.capacity = ground.pipes.setCapacity(this.fd, PIPE_BYTES);
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  /** Begins to be told of what is in the pipe. */
  start(): void {
    this.ground.poller.add(this.fd);
  }

  get ended(): boolean {
    return !this.open;
  }

  /** Every writer has gone: what is left is all there will be. */
  noteHangup(): void {
    this.hungUp = true;
  }

  /** Copies one look's worth of output. False when there is nothing more to do until the pipe tells of a change. */
  copy(): boolean {
    if (!this.open) return false;
    const chunk = this.look();
    if (chunk.length === 0) {
      if (this.hungUp) this.end();
      return false;
    }
    const used = this.write(chunk, this.hungUp);
    if (this.hungUp) return true;
    // What comes after a look is told. Only what did not fit into it, or into the log's buffer, is looked at again.
    return used > 0 && (used < chunk.length || chunk.length === this.ground.peeked.length);
  }

  /** Copies all that lies in the pipe right now, an unfinished line too, at most as much as a pipe can hold. */
  sweep(): void {
    for (let swept = 0; this.open && swept < this.capacity; ) {
      const chunk = this.look();
      if (chunk.length === 0) return;
      swept += this.write(chunk, true);
    }
  }

  /** Lets go of the pipe; what is in it stays there. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    closeSync(this.fd); // which also takes it out of the poller
  }

  /** Lets go of the pipe for good, as if it had ended: it cannot be read. */
  giveUp(): void {
    if (this.open) this.end();
  }

  private look(): Buffer {
    const { peeker, peeked } = this.ground;
    return peeked.subarray(0, peeker.peek(this.fd, peeked));
  }

  /** Tells, writes and takes; answers how many bytes were taken. */
  private write(chunk: Buffer, rest: boolean): number {
    if (chunk.length > this.seen) this.owner.broadcast(this.stream, chunk.subarray(this.seen));
    const writer = this.owner.writer();
    const used = writer ? this.gather(writer, chunk, rest) : chunk.length;
    this.seen = Math.max(this.seen, chunk.length) - used;
    const lastByte = chunk[used - 1];
    if (lastByte === undefined) return 0;
    const move: Move = { id: this.owner.id, stream: this.stream, taken: used, lastByte, write: writer?.planned() };
    this.ground.journal.move(
      move,
      () => writer?.flush(),
      (into) => this.ground.pipes.take(this.fd, into),
    );
    return used;
  }

  private gather(writer: LogWriter, chunk: Buffer, rest: boolean): number {
    const used = writer.gather(this.stream, chunk);
    const full = chunk.length >= this.capacity / 2 || chunk.length === this.ground.peeked.length;
    // A line that would fill the pipe can only be written in pieces: its end would never fit in.
    if (used > 0 || !(rest || full)) return used;
    return writer.gatherRest(this.stream, chunk);
  }

  private end(): void {
    this.close();
    this.owner.ended(this.stream);
  }
}
