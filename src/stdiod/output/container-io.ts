import type { BytePool } from '../../base/byte-pool';
import { errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { Metrics } from '../../base/metrics';
import { LogWriter, type OutputStream } from '../../stdio/cri-log';
import { endedOrLate } from '../../stdio/ended-or-late';
import { FifoReader } from '../../stdio/fifo';
import type { WriteSync } from '../../stdio/log-file';
import { StdinFifo } from '../../stdio/stdin-fifo';
import type { AttachEnd, Attachment, AttachOptions, StdioSpec } from '../../stdio/stdio-service';
import { AttachClients } from './attach-clients';

/** What is taken from a pipe that some process keeps full, when its time is up. A pipe holds 1 MiB at most. */
const SWEEP_BYTES = 1024 * 1024;

export interface ContainerIoDeps {
  log: Logger;
  metrics: Metrics;
  /** See createReadBuffer and createOutputBuffer: one each for all containers. */
  readBuffer: Buffer;
  outputBuffer: Buffer;
  /** See ATTACH_BACKLOG_BYTES: one for all containers. */
  backlog: BytePool;
  now?: () => bigint;
  write?: WriteSync;
}

/** The open stdio of one container: a reader for each output, the log they go to, and whoever is attached. */
export class ContainerIo {
  private readonly readers = new Map<OutputStream, FifoReader>();
  private readonly stdin: StdinFifo | undefined;
  private readonly clients: AttachClients;
  private readonly outputsEnded: Promise<void>;
  private tellEnded: () => void = () => undefined;
  private writer: LogWriter | undefined;
  private closed = false;

  /** Opens the log, then the FIFOs. Throws with nothing left open. */
  constructor(
    private readonly spec: StdioSpec,
    private readonly deps: ContainerIoDeps,
  ) {
    this.clients = new AttachClients(deps.metrics, deps.backlog);
    this.stdin = spec.stdin ? new StdinFifo(spec.stdin) : undefined;
    this.outputsEnded = new Promise((resolve) => {
      this.tellEnded = resolve;
    });
    try {
      if (spec.logPath) this.writer = this.openLog(spec.logPath);
      this.read('stdout', spec.stdout);
      this.read('stderr', spec.stderr);
    } catch (error) {
      this.close('detached');
      throw error;
    }
    this.lookForEnd();
  }

  reopen(logPath: string): void {
    if (this.writer) this.writer.reopen(logPath);
    else this.writer = this.openLog(logPath);
  }

  attach(options: AttachOptions): Attachment {
    return this.clients.add(options, this.stdin);
  }

  /** Waits for the end of both outputs or the limit, then takes what is left in the pipes and closes everything. */
  async drain(timeoutMs: number): Promise<void> {
    const ended = await endedOrLate(this.outputsEnded, timeoutMs);
    if (this.closed) return;
    if (!ended) {
      for (const reader of this.readers.values()) reader.sweep(SWEEP_BYTES);
    }
    this.close('ended');
  }

  /** Closes at once. What waits in the pipes stays there; unfinished lines are written with the P tag. */
  close(reason: AttachEnd): void {
    if (this.closed) return;
    this.closed = true;
    for (const reader of this.readers.values()) reader.close();
    this.stdin?.close();
    this.writer?.close();
    if (reason === 'ended') this.endClients();
    else this.clients.finish(reason);
    this.tellEnded();
  }

  private endClients(): void {
    this.clients.end('stdout');
    this.clients.end('stderr');
  }

  private openLog(path: string): LogWriter {
    return new LogWriter({ ...this.deps, path, maxLineBytes: this.spec.maxLineBytes });
  }

  private read(stream: OutputStream, path: string | undefined): void {
    if (!path) {
      this.clients.end(stream);
      return;
    }
    const reader = new FifoReader({
      path,
      readBuffer: this.deps.readBuffer,
      onData: (chunk) => {
        this.writer?.write(stream, chunk);
        this.clients.broadcast(stream, chunk);
      },
      onEnd: (error) => this.streamEnded(stream, error),
    });
    this.readers.set(stream, reader);
  }

  private streamEnded(stream: OutputStream, error: Error | undefined): void {
    if (error)
      this.deps.log.warn('reading the output failed', { id: this.spec.id, stream, error: errorMessage(error) });
    this.writer?.end(stream);
    this.clients.end(stream);
    this.lookForEnd();
  }

  private lookForEnd(): void {
    if ([...this.readers.values()].every((reader) => reader.ended)) this.tellEnded();
  }
}
