import type { Socket } from 'node:net';
import { Backoff, sleep } from '../base/wait/backoff';
import { openFifoWriter } from './fifo';
import { StdioError } from './stdio-error';

/** How long the reading end may take to appear: the shim opens it while the process starts. */
const OPEN_WITHIN_MS = 10_000;

/**
 * The writing end of a process's stdin, opened when first needed. It is kept open between writers: its end means nothing
 * to the process as long as the shim holds the FIFO too, so only the caller's CloseIO ends stdin for good.
 */
export class StdinFifo {
  private readonly aborter = new AbortController();
  private opening: Promise<Socket> | undefined;
  private closed = false;

  constructor(private readonly path: string) {}

  /** Resolves when the pipe has taken the bytes. Rejects when stdin is closed or nobody reads it. */
  async write(chunk: Buffer): Promise<void> {
    const socket = await this.open();
    if (this.closed) throw new StdioError('NO_STDIN', 'stdin is closed');
    await new Promise<void>((resolve, reject) => {
      socket.write(chunk, (error) => {
        if (error) reject(new StdioError('NO_STDIN', 'write to stdin', { cause: error }));
        else resolve();
      });
    });
  }

  /**
   * Resolves when a process has the FIFO open for reading. Resolves also after 10 s without one, and when `close` is called.
   * Never rejects. Wait for it before CloseIO: a shim opens its reading and its writing end on two threads
   * (github.com/containerd/fifo). When CloseIO closes the writing end before the reading thread is in open(2), that thread
   * waits there for a writer, and stdin never ends. Afterwards crisp has the FIFO open for writing, so the reader goes on.
   */
  async hasReader(): Promise<void> {
    await this.open().catch(() => undefined);
  }

  /** Lets go of the FIFO; writes still waiting fail. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.aborter.abort(new StdioError('NO_STDIN', 'stdin is closed'));
    this.opening?.then(
      (socket) => socket.destroy(),
      () => undefined,
    );
  }

  private open(): Promise<Socket> {
    if (this.closed) return Promise.reject(new StdioError('NO_STDIN', 'stdin is closed'));
    if (!this.opening) {
      const opening = this.connect();
      this.opening = opening;
      opening.catch(() => {
        if (this.opening === opening) this.opening = undefined; // the next write tries again
      });
    }
    return this.opening;
  }

  private async connect(): Promise<Socket> {
    const waits = new Backoff({ firstMs: 1, maxMs: 50 });
    const giveUpAt = Date.now() + OPEN_WITHIN_MS;
    for (;;) {
      const socket = this.closed ? undefined : openFifoWriter(this.path);
      if (socket) return this.watched(socket);
      if (Date.now() > giveUpAt) throw new StdioError('NO_STDIN', 'nobody reads stdin');
      await sleep(waits.next(), this.aborter.signal);
    }
  }

  /** An error (the reader is gone) is told to the write that meets it; here it only must not be unhandled. */
  private watched(socket: Socket): Socket {
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (!this.closed) this.opening = undefined;
    });
    return socket;
  }
}
