import type { Readable, Writable } from 'node:stream';
import { endedOrLate } from './ended-or-late';
import { FifoReader } from './fifo';
import { OutputClient } from './output-client';
import { StdinFifo } from './stdin-fifo';
import { pumpStdin } from './stdin-pump';

/** What is taken from a pipe that some process keeps open, when its time is up. A pipe holds 1 MiB at most. */
const SWEEP_BYTES = 1024 * 1024;
/** Above this, the process has to wait until the client has taken some; nothing is lost and nobody is dropped. */
const BACKLOG_BYTES = 1024 * 1024;

export interface ExecStreamOptions {
  /** Paths of FIFOs that exist. */
  stdinPath?: string;
  stdoutPath?: string;
  stderrPath?: string;
  /**
   * The client's streams. The outputs are never ended here: whoever gave them ends them after `drain`. An output without a
   * stream is read and thrown away.
   */
  stdin?: Readable;
  stdout?: Writable;
  stderr?: Writable;
  /** The client's stdin has ended and has all been written, and our end is closed: now Tasks.CloseIO. */
  onStdinEnd?(): void;
}

/**
 * Carries an exec's streams between its FIFOs and a client. A client that reads slowly slows the process down; one that
 * is gone does not stop it: its output is read and thrown away.
 */
export class ExecStreams {
  private readonly outputs: Output[] = [];
  private readonly stdin: StdinFifo | undefined;
  private stopStdin: (() => void) | undefined;

  /** Opens the output FIFOs; do so before Tasks.Exec starts the process. Throws with nothing left open. */
  constructor(
    private readonly options: ExecStreamOptions,
    readBuffer: Buffer,
  ) {
    this.stdin = options.stdinPath ? new StdinFifo(options.stdinPath) : undefined;
    try {
      if (options.stdoutPath) this.outputs.push(new Output(options.stdoutPath, options.stdout, readBuffer));
      if (options.stderrPath) this.outputs.push(new Output(options.stderrPath, options.stderr, readBuffer));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Begins to carry stdin. The process opens its end while it starts; until then, what the client sends waits. */
  startStdin(): void {
    const { stdin, onStdinEnd } = this.options;
    if (!stdin || this.stopStdin) return;
    this.stopStdin = pumpStdin(stdin, this.stdin, {
      onEnd: () => void this.letGoOfStdin().then(onStdinEnd),
      onGone: () => void this.letGoOfStdin(),
    });
  }

  /** Resolves when CloseIO can end stdin; see `StdinFifo.hasReader`. Never rejects. */
  async stdinHasReader(): Promise<void> {
    await this.stdin?.hasReader();
  }

  private async letGoOfStdin(): Promise<void> {
    await this.stdinHasReader();
    this.stdin?.close();
  }

  /**
   * Resolves when the client has everything that the process printed; true: both outputs have ended. A child may hold
   * them open much longer than its parent lived: what comes later than `timeoutMs` (Infinity: no limit) is read and thrown
   * away until `close`. How long the client takes is its own affair. Call it when the process has exited, and write its
   * status to the client afterwards.
   */
  async drain(timeoutMs: number): Promise<boolean> {
    const complete = await endedOrLate(Promise.all(this.outputs.map((output) => output.ended)), timeoutMs);
    if (!complete) for (const output of this.outputs) output.cutOff();
    await Promise.all(this.outputs.map((output) => output.flushed));
    return complete;
  }

  /** Lets go of the client and of stdin at once. From now on what is printed is read and thrown away. */
  discard(): void {
    this.stopStdin?.();
    this.stdin?.close();
    for (const output of this.outputs) output.discard();
  }

  /** Lets go of the client at once, and of each FIFO at its end, at the latest after so many milliseconds. */
  closeWithin(ms: number): void {
    this.discard();
    if (this.outputs.every((output) => output.closed)) return;
    setTimeout(() => this.close(), ms).unref();
  }

  /** Lets go of FIFOs and client at once. */
  close(): void {
    this.discard();
    for (const output of this.outputs) output.close();
  }
}

/** One output: pauses its FIFO while the client has too much to take. */
class Output {
  /** The process and its children have closed it, or it was cut off. */
  readonly ended: Promise<void>;
  /** Besides, the client has all of it, or is gone. */
  readonly flushed: Promise<void>;
  private readonly reader: FifoReader;
  private client: OutputClient | undefined;
  /** What is still read is thrown away. */
  private over = false;
  private tellEnded: () => void = () => undefined;
  private tellFlushed: () => void = () => undefined;

  constructor(path: string, to: Writable | undefined, readBuffer: Buffer) {
    this.ended = new Promise((resolve) => {
      this.tellEnded = resolve;
    });
    this.flushed = new Promise((resolve) => {
      this.tellFlushed = resolve;
    });
    this.reader = new FifoReader({
      path,
      readBuffer,
      onData: (chunk) => this.pass(chunk),
      onEnd: () => this.end(),
    });
    if (!to) return;
    this.client = new OutputClient(to, Number.POSITIVE_INFINITY, {
      onGone: () => this.clientGone(),
      onSlow: () => undefined,
      onFlushed: () => this.tellFlushed(),
      onTaken: (pending) => {
        if (pending < BACKLOG_BYTES / 2) this.reader.resume();
      },
    });
  }

  /** Takes what lies in the pipe for the client, and nothing that comes later. */
  cutOff(): void {
    this.reader.sweep(SWEEP_BYTES);
    this.over = true;
    this.reader.resume();
    this.end();
  }

  discard(): void {
    this.over = true;
    this.client?.release();
    this.client = undefined;
    this.reader.resume();
    this.tellEnded();
    this.tellFlushed();
  }

  /** Nobody can write any more, or the FIFO was let go of. */
  get closed(): boolean {
    return this.reader.ended;
  }

  close(): void {
    this.reader.close();
  }

  private pass(chunk: Buffer): void {
    if (!this.client || this.over) return;
    this.client.write(Buffer.from(chunk));
    if (this.client.waiting > BACKLOG_BYTES) this.reader.pause();
  }

  private end(): void {
    this.tellEnded();
    if (this.client) this.client.end();
    else this.tellFlushed();
  }

  private clientGone(): void {
    this.client = undefined;
    if (this.reader.ended) this.tellFlushed();
    else this.reader.resume();
  }
}
