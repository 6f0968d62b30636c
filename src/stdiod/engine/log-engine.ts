import { errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { Metrics } from '../../base/metrics';
import type { Pipes } from '../../base/pipes';
import { createOutputBuffer, type OutputStream } from '../../stdio/cri-log';
import type { Command, EngineEvent, Failure, Numbered, OnDisk } from '../../stdio/engine-messages';
import type { WriteSync } from '../../stdio/log-file';
import { StdioError } from '../../stdio/stdio-error';
import { ContainerOutput, type OutputDeps } from './container-output';
import type { DataBacklog } from './data-backlog';
import { JOURNAL_BYTES, Journal, MAX_TAKEN } from './journal';
import type { OutputPipe } from './output-pipe';

export interface LogEngineOptions {
  readonly pipes: Pipes;
  /** Memory that outlives this process, JOURNAL_BYTES long. */
  readonly memory: Buffer;
  readonly log: Logger;
  readonly metrics: Metrics;
  tell(event: EngineEvent): void;
  /** File of that memory; absent: it has none. */
  readonly journal?: string;
  /** This thread, as /proc names it. */
  readonly owner?: string;
  /**
   * Follows the symbolic links that lead to a log, touching its disk only: where it lies when that is another disk. Absent:
   * every log lies where it seems to.
   */
  readonly elsewhere?: (at: OnDisk) => OnDisk | undefined;
  /** What has been told and not heard yet; absent: it is heard at once. */
  readonly backlog?: DataBacklog;
  /** Wall clock in nanoseconds since 1970; for tests. */
  readonly now?: () => bigint;
  /** Writes to log files; for tests. */
  readonly write?: WriteSync;
}

/** After a copy that took so long, commands go before other copies: they may say that nothing is to be copied. */
const LONG_COPY_MS = 100;

/**
 * Copies the output of containers into their logs, on a thread of its own that waits for pipes and for the disk of these
 * logs. A container that is slow, or a log that cannot be written, holds up no other. A disk that does not answer holds up
 * this thread: logs of other disks belong to another engine (see EngineLanes).
 */
export class LogEngine {
  private readonly containers = new Map<string, ContainerOutput>();
  private readonly byFd = new Map<number, OutputPipe>();
  private readonly busy = new Set<OutputPipe>();
  /** Of predecessors. */
  private readonly left = new Map<string, Journal>();
  private readonly deps: OutputDeps;
  private stopped = false;
  private paused = false;

  constructor(private readonly options: LogEngineOptions) {
    const { pipes, log, metrics, now, write, tell } = options;
    this.deps = {
      ...{ pipes, log, metrics, now, write },
      poller: pipes.poller(),
      peeker: pipes.peeker(MAX_TAKEN),
      journal: new Journal(options.memory),
      peeked: Buffer.allocUnsafeSlow(MAX_TAKEN),
      outputBuffer: createOutputBuffer(),
      onData: (id, stream, chunk) => this.tellData(id, stream, chunk),
      onEnded: (id, stream) => tell({ kind: 'ended', id, stream }),
    };
    this.deps.journal.owner = options.owner ?? '';
  }

  /** A byte written to this descriptor makes `run` look for commands. */
  get waker(): number {
    return this.deps.poller.waker;
  }

  /** Copies until told to stop. `receive` answers the commands that have come, oldest first. Blocks this thread. */
  run(receive: () => Iterable<Numbered>): void {
    while (!this.stopped) this.turn(-1, receive);
  }

  /** Waits at most so long for something to happen, carries out the commands and copies what is there. */
  turn(waitMs: number, receive: () => Iterable<Numbered>): void {
    for (const { fd, hungUp } of this.deps.poller.wait(this.busy.size > 0 && !this.paused ? 0 : waitMs))
      this.note(fd, hungUp);
    for (const { seq, command } of receive()) this.answer(seq, command);
    if (!this.paused) this.copyBusy();
    if (!this.stopped) return;
    this.deps.poller.close();
    this.deps.peeker.close();
  }

  private copyBusy(): void {
    const since = performance.now();
    for (const pipe of [...this.busy]) {
      this.copy(pipe);
      if (performance.now() - since > LONG_COPY_MS) return; // the rest is first in the next turn
    }
  }

  /** Answers where the log lies when it is not done since that is another disk. */
  private execute(command: Command): OnDisk | undefined {
    switch (command.kind) {
      case 'open':
        return this.elsewhere(command) ?? this.open(command);
      case 'reopen': {
        const container = this.find(command.id);
        const elsewhere = this.elsewhere(command);
        if (!elsewhere) container.reopen(command.logPath);
        return elsewhere;
      }
      case 'listen':
        this.find(command.id).listening = command.on;
        break;
      case 'finish':
        this.close(command.id, (container) => container.finish());
        break;
      case 'release':
        this.close(command.id, (container) => container.close());
        break;
      case 'pause':
        this.paused = command.on;
        break;
      case 'stop':
        for (const id of [...this.containers.keys()]) this.close(id, (container) => container.close());
        this.stopped = true;
    }
    return undefined;
  }

  private elsewhere({ at }: { readonly at?: OnDisk }): OnDisk | undefined {
    return at && this.options.elsewhere?.(at);
  }

  /** Attached clients never hold up a log, and what they have not taken never fills the memory. */
  private tellData(id: string, stream: OutputStream, chunk: Buffer): void {
    const { tell, backlog } = this.options;
    if (backlog?.isFull) {
      this.find(id).listening = false;
      tell({ kind: 'overrun', id });
      return;
    }
    backlog?.sent(chunk.length);
    tell({ kind: 'data', id, stream, chunk: Uint8Array.from(chunk) });
  }

  private answer(seq: number, command: Command): void {
    try {
      this.options.tell({ kind: 'answer', seq, elsewhere: this.execute(command) });
    } catch (error) {
      this.options.tell({ kind: 'answer', seq, failure: toFailure(error) });
    }
  }

  private note(fd: number, hungUp: boolean): void {
    const pipe = this.byFd.get(fd);
    if (!pipe) return;
    if (hungUp) pipe.noteHangup();
    this.busy.add(pipe);
  }

  private copy(pipe: OutputPipe): void {
    this.busy.delete(pipe);
    try {
      if (pipe.copy()) {
        this.busy.add(pipe); // behind the others
        return;
      }
    } catch (error) {
      // Nothing of a container's own doing leads here. Its pipe is left alone rather than read half.
      this.options.log.error('an output cannot be copied', { stream: pipe.stream, error: errorMessage(error) });
      pipe.giveUp();
    }
    if (pipe.ended) this.byFd.delete(pipe.fd);
  }

  private open({ spec, leftIn }: Extract<Command, { kind: 'open' }>): undefined {
    const container = new ContainerOutput(spec, this.deps, this.journalOf(leftIn));
    this.containers.set(container.id, container);
    for (const pipe of container.pipes) this.byFd.set(pipe.fd, pipe);
  }

  private journalOf(file: string | undefined): Journal {
    if (file === undefined || file === this.options.journal) return this.deps.journal;
    const left = this.left.get(file) ?? new Journal(this.options.pipes.sharedMemory(file, JOURNAL_BYTES));
    this.left.set(file, left);
    left.owner = this.options.owner ?? ''; // finishing it may be held up as well
    return left;
  }

  private close(id: string, how: (container: ContainerOutput) => void): void {
    const container = this.containers.get(id);
    if (!container) return;
    how(container);
    this.containers.delete(id);
    for (const pipe of container.pipes) {
      this.busy.delete(pipe);
      if (this.byFd.get(pipe.fd) === pipe) this.byFd.delete(pipe.fd);
    }
  }

  private find(id: string): ContainerOutput {
    const container = this.containers.get(id);
    if (!container) throw new StdioError('NOT_OPEN', `the stdio of container "${id}" is not open`);
    return container;
  }
}

function toFailure(error: unknown): Failure {
  return { code: error instanceof StdioError ? error.code : 'FAILED', message: errorMessage(error) };
}
