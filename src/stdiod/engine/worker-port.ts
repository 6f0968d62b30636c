import { closeSync, writeSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import type { Command, EngineEvent, Numbered, OnDisk } from '../../stdio/engine-messages';
import { StdioError } from '../../stdio/stdio-error';
import type { DataBacklog } from './data-backlog';

/** What the thread tells of its own accord. */
export type Told = Exclude<EngineEvent, { kind: 'answer' } | { kind: 'ready' }>;

/** The way to what copies output. */
export interface EnginePort {
  /** Resolves when it has been carried out; rejects with a StdioError when it could not. */
  send(command: Command): Promise<void>;
}

/** The way to one thread that copies output. */
export interface LanePort {
  /**
   * Resolves when the thread has carried it out, or, with a place, when it has not since the log lies there, on another
   * disk. Rejects with a StdioError when it could not.
   */
  send(command: Command): Promise<OnDisk | undefined>;
  /** Afterwards the thread has let go of everything and is gone. */
  stop(): Promise<void>;
}

interface Waiting {
  resolve(elsewhere: OnDisk | undefined): void;
  reject(error: StdioError): void;
}

/**
 * The way to a worker thread. The thread blocks in the kernel while nothing happens, so a command is a message and then a
 * byte that wakes it. Events come in the order in which they were told, answers among them.
 */
export class WorkerPort implements LanePort {
  private readonly waiting = new Map<number, Waiting>();
  private readonly unsent: Numbered[] = [];
  private waker: number | undefined;
  private seq = 0;
  private dead: string | undefined;
  private readonly exited: Promise<void>;

  /** `onDead`: the thread ended though nobody asked it to, and will not come back. */
  constructor(
    private readonly worker: Worker,
    onTold: (event: Told) => void,
    onDead: (why: string) => void,
    private readonly backlog?: DataBacklog,
  ) {
    worker.on('message', (event: EngineEvent) => this.heard(event, onTold));
    worker.on('error', (error) => this.die(`its thread failed: ${error.message}`, onDead));
    this.exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.closeWaker();
        this.die(`its thread ended with code ${code}`, onDead);
        resolve();
      });
    });
  }

  send(command: Command): Promise<OnDisk | undefined> {
    if (this.dead !== undefined) return Promise.reject(new StdioError('UNAVAILABLE', this.dead));
    const seq = this.seq++;
    return new Promise((resolve, reject) => {
      this.waiting.set(seq, { resolve, reject });
      this.post({ seq, command });
    });
  }

  async stop(): Promise<void> {
    await this.send({ kind: 'stop' }).catch(() => undefined);
    await this.exited;
  }

  private post(message: Numbered): void {
    if (this.waker === undefined) {
      this.unsent.push(message);
      return;
    }
    this.worker.postMessage(message);
    this.wake(this.waker);
  }

  private wake(waker: number): void {
    try {
      writeSync(waker, Buffer.alloc(1));
    } catch {
      // Full of bytes that wake it already.
    }
  }

  /** The thread is gone. The descriptor is ours: nobody else may close it while we may still write to it. */
  private closeWaker(): void {
    if (this.waker !== undefined) closeSync(this.waker);
    this.waker = undefined;
  }

  private heard(event: EngineEvent, onTold: (event: Told) => void): void {
    switch (event.kind) {
      case 'ready':
        this.waker = event.waker;
        for (const message of this.unsent.splice(0)) this.post(message);
        return;
      case 'answer':
        this.settle(event);
        return;
      case 'data':
        this.backlog?.taken(event.chunk.length);
        onTold(event);
        return;
      default:
        onTold(event);
    }
  }

  private settle({ seq, failure, elsewhere }: Extract<EngineEvent, { kind: 'answer' }>): void {
    const waiting = this.waiting.get(seq);
    this.waiting.delete(seq);
    if (failure) waiting?.reject(new StdioError(failure.code, failure.message));
    else waiting?.resolve(elsewhere);
  }

  private die(why: string, onDead: (why: string) => void): void {
    if (this.dead !== undefined) return;
    this.dead = why;
    for (const { reject } of this.waiting.values()) reject(new StdioError('UNAVAILABLE', why));
    this.waiting.clear();
    onDead(why);
  }
}
