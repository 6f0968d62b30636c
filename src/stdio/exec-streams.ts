import type { Readable, Writable } from 'node:stream';
import type { BytePool, PoolMember } from '../base/byte-pool';
import { endedOrLate } from './ended-or-late';
import { FifoReader } from './fifo';
import { OutputClient } from './output-client';
import { StdinFifo } from './stdin-fifo';
import { pumpStdin } from './stdin-pump';

/** What is taken from a pipe that some process keeps open, when its time is up. A pipe holds 1 MiB at most. */
const SWEEP_BYTES = 1024 * 1024;
/**
 * Output of commands that clients have not taken. Above it a process has to wait until its client has taken some: nothing is
 * lost and nobody is dropped. A pipe holds 64 KiB, so that `own` is as much as a process can print in one go.
 */
export const EXEC_BACKLOG_BYTES = {
  all: 64 * 1024 * 1024,
  ofOwner: 32 * 1024 * 1024,
  each: 1024 * 1024,
  own: 64 * 1024,
} as const;

export interface ExecStreamOptions {
  /** The pod that the process belongs to. Absent: the process is an owner of its own. */
  owner?: string;
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

export interface ExecStreamDeps {
  /** See createReadBuffer: one for all. */
  readonly readBuffer: Buffer;
  /** See EXEC_BACKLOG_BYTES: one for all. */
  readonly backlog: BytePool;
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
    { readBuffer, backlog }: ExecStreamDeps,
  ) {
    this.stdin = options.stdinPath ? new StdinFifo(options.stdinPath) : undefined;
    try {
      const deps = { readBuffer, backlog, owner: options.owner };
      if (options.stdoutPath) this.outputs.push(new Output(options.stdoutPath, options.stdout, deps));
      if (options.stderrPath) this.outputs.push(new Output(options.stderrPath, options.stderr, deps));
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
  private readonly share: PoolMember;
  /** What the client had not taken when the process had to wait. */
  private pausedAt: number | undefined;
  /** What is still read is thrown away. */
  private over = false;
  private tellEnded: () => void = () => undefined;
  private tellFlushed: () => void = () => undefined;

  constructor(
    path: string,
    to: Writable | undefined,
    { readBuffer, backlog, owner }: ExecStreamDeps & { readonly owner: string | undefined },
  ) {
    this.share = backlog.join(() => this.goOn(), owner);
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
    const unlimited = { bytes: Number.POSITIVE_INFINITY };
    this.client = new OutputClient(to, unlimited, {
      onGone: () => this.clientGone(),
      onSlow: () => undefined,
      onFlushed: () => {
        this.share.leave();
        this.tellFlushed();
      },
      onTaken: (pending) => {
        this.share.set(pending);
        if (this.pausedAt !== undefined && pending < this.pausedAt / 2) this.goOn();
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
    this.letGoOfClient();
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
    this.share.set(this.client.waiting);
    if (this.share.mayTakeMore()) return;
    this.pausedAt = this.client.waiting;
    this.reader.pause();
  }

  private goOn(): void {
    this.pausedAt = undefined;
    this.reader.resume();
  }

  private letGoOfClient(): void {
    this.client?.release();
    this.client = undefined;
    this.share.leave();
  }

  private end(): void {
    this.tellEnded();
    if (this.client) this.client.end();
    else this.tellFlushed();
  }

  private clientGone(): void {
    this.letGoOfClient();
    if (this.reader.ended) this.tellFlushed();
    else this.reader.resume();
  }
}
