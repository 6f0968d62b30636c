import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { errnoOf } from '../base/errors';
import { StdioError } from './stdio-error';

/** Size of a read: a pipe holds 64 KiB by default, so a larger buffer would not be filled. */
const READ_BYTES = 64 * 1024;

/** Memory for reads. One serves any number of readers of one thread: a chunk is used up before the next is read. */
export function createReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BYTES);
}

export interface FifoReaderOptions {
  path: string;
  readBuffer: Buffer;
  /** Called with every chunk, which is valid during the call only: it lies in the read buffer. Must not throw. */
  onData(chunk: Buffer): void;
  /** Called once: at the end of the stream, or when reading failed. Not called after `close`. */
  onEnd(error?: Error): void;
}

/**
 * The reading end of a FIFO, polled by the event loop. Opening never waits for a writer, and there is no end before a
 * first writer has come and gone; a FIFO whose last writer left before it was opened here never ends, so whoever waits
 * for the end needs a limit. (fs streams would block one of the four pool threads for each FIFO.)
 */
export class FifoReader {
  private readonly fd: number;
  private readonly socket: Socket;
  private done = false;

  constructor(private readonly options: FifoReaderOptions) {
    this.fd = openFifo(options.path, constants.O_RDONLY);
    this.socket = this.startSocket();
  }

  /** True once the stream has ended or was closed. */
  get ended(): boolean {
    return this.done;
  }

  /** Stops reading; the writer blocks when the pipe is full. */
  pause(): void {
    if (!this.done) this.socket.pause();
  }

  resume(): void {
    if (!this.done) this.socket.resume();
  }

  /**
   * Reads what lies in the pipe right now, at most `maxBytes`, without waiting. For the moment before giving up on a
   * stream that some process keeps open: the loop may not have come round to bytes written before.
   */
  sweep(maxBytes: number): void {
    for (let left = maxBytes; left > 0 && !this.done; ) {
      const n = this.readNow();
      if (n <= 0) return;
      left -= n;
      this.options.onData(this.options.readBuffer.subarray(0, n));
    }
  }

  /** Lets go of the FIFO. What is in the pipe stays there for another reader. */
  close(): void {
    if (this.done) return;
    this.done = true;
    this.socket.destroy();
  }

  private startSocket(): Socket {
    const { readBuffer, onData } = this.options;
    const callback = (n: number): boolean => {
      if (!this.done) onData(readBuffer.subarray(0, n));
      return true;
    };
    try {
      // `onread` is documented for connections only, and works for any descriptor.
      const how = { fd: this.fd, readable: true, writable: false, onread: { buffer: readBuffer, callback } };
      const socket = new Socket(how);
      socket.on('end', () => this.finish());
      socket.on('error', (error) => this.finish(error));
      socket.on('close', () => this.finish());
      socket.resume();
      return socket;
    } catch (error) {
      closeSync(this.fd);
      throw new StdioError('BAD_FIFO', `read from "${this.options.path}"`, { cause: error });
    }
  }

  private readNow(): number {
    try {
      return readSync(this.fd, this.options.readBuffer);
    } catch {
      return -1; // EAGAIN: nothing there
    }
  }

  private finish(error?: Error): void {
    if (this.done) return;
    this.done = true;
    this.socket.destroy();
    this.options.onEnd(error);
  }
}

/**
 * Opens a FIFO for writing without waiting for a reader: undefined when nobody has it open for reading (the shim opens
 * stdin while the task or exec starts, so try again a little later).
 */
export function openFifoWriter(path: string): Socket | undefined {
  let fd: number;
  try {
    fd = openFifo(path, constants.O_WRONLY);
  } catch (error) {
    if (error instanceof StdioError && errnoOf(error.cause) === 'ENXIO') return undefined;
    throw error;
  }
  try {
    return new Socket({ fd, readable: false, writable: true });
  } catch (error) {
    closeSync(fd);
    throw new StdioError('BAD_FIFO', `write to "${path}"`, { cause: error });
  }
}

/** Opens a FIFO for reading, without waiting for a writer; the caller closes the descriptor. */
export function openFifoReader(path: string): number {
  return openFifo(path, constants.O_RDONLY);
}

function openFifo(path: string, mode: number): number {
  let fd: number;
  try {
    fd = openSync(path, mode | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    throw new StdioError('BAD_FIFO', `open the FIFO "${path}"`, { cause: error });
  }
  if (fstatSync(fd).isFIFO()) return fd;
  closeSync(fd);
  throw new StdioError('BAD_FIFO', `"${path}" is not a FIFO`);
}
