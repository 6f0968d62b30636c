import type { Logger } from '../../base/logger';
import type { Metrics } from '../../base/metrics';
import { LogWriter, type OutputStream } from '../../stdio/cri-log';
import type { OutputSpec } from '../../stdio/engine-messages';
import type { WriteSync } from '../../stdio/log-file';
import { finishMove } from './finish-move';
import type { Journal } from './journal';
import { OutputPipe, type PipeGround, type PipeOwner } from './output-pipe';

export interface OutputDeps extends PipeGround {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** See createOutputBuffer: one for all containers. */
  readonly outputBuffer: Buffer;
  readonly now?: () => bigint;
  readonly write?: WriteSync;
  /** Bytes that a listened-to container printed; valid during the call only. */
  onData(id: string, stream: OutputStream, chunk: Buffer): void;
  onEnded(id: string, stream: OutputStream): void;
}

/** The outputs of one container and the log that they go to. */
export class ContainerOutput implements PipeOwner {
  /** Whether somebody is attached. */
  listening = false;
  readonly pipes: readonly OutputPipe[];
  private log: LogWriter | undefined;

  /**
   * Opens the FIFOs and the log. Finishes the move that the journal says an earlier process left unfinished. Throws with
   * nothing left open.
   */
  constructor(
    private readonly spec: OutputSpec,
    private readonly deps: OutputDeps,
    left: Journal = deps.journal,
  ) {
    const opened: OutputPipe[] = [];
    this.pipes = opened;
    try {
      if (spec.stdout) opened.push(new OutputPipe(spec.stdout, 'stdout', this, deps));
      if (spec.stderr) opened.push(new OutputPipe(spec.stderr, 'stderr', this, deps));
      for (const { stream, fd } of opened) {
        finishMove({ journal: left, pipes: deps.pipes }, { id: spec.id, stream, fd, log: spec.logPath });
      }
      if (spec.logPath) this.log = this.openLog(spec.logPath);
      for (const pipe of opened) pipe.start();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get id(): string {
    return this.spec.id;
  }

  writer(): LogWriter | undefined {
    return this.log;
  }

  broadcast(stream: OutputStream, chunk: Buffer): void {
    if (this.listening) this.deps.onData(this.id, stream, chunk);
  }

  ended(stream: OutputStream): void {
    this.deps.onEnded(this.id, stream);
  }

  /** Goes on in another file; throws and changes nothing when it cannot be opened. */
  reopen(logPath: string): void {
    if (this.log) this.log.reopen(logPath);
    else this.log = this.openLog(logPath);
  }

  /** Takes what lies in the pipes right now, then closes everything. */
  finish(): void {
    for (const pipe of this.pipes) pipe.sweep();
    this.close();
  }

  /** Closes everything; what lies in the pipes stays there. */
  close(): void {
    for (const pipe of this.pipes) pipe.close();
    this.log?.close();
    this.log = undefined;
  }

  private openLog(path: string): LogWriter {
    const { log, metrics, outputBuffer, now, write } = this.deps;
    const { maxLineBytes } = this.spec;
    return new LogWriter({ log, metrics, outputBuffer, now, write, path, maxLineBytes });
  }
}
