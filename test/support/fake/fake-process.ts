import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { Status } from '../../../generated/containerd/types/task/task';
import type { Any } from '../../../generated/google/protobuf/any';
import type { Timestamp } from '../../../generated/google/protobuf/timestamp';

interface Facts {
  containerId: string;
  /** Empty for the first process of a task. */
  execId: string;
  pid: number;
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  /** The OCI process of an exec. */
  spec?: Any;
}

/** A process that exists only here: it runs until it is told to exit or is killed by a signal it does not ignore. */
export class FakeProcess {
  status: Status = Status.CREATED;
  exitStatus = 0;
  exitedAt?: Timestamp;
  stdinClosed = false;
  size?: { width: number; height: number };
  readonly signals: number[] = [];
  /** Signals that do not end it; SIGKILL always does. */
  readonly ignored = new Set<number>();
  /** Resolves when it has exited. */
  readonly exited: Promise<void>;
  private readonly fds = new Map<'stdin' | 'stdout' | 'stderr', number>();
  private settle: () => void = () => undefined;

  constructor(
    readonly facts: Facts,
    private readonly onExit: (process: FakeProcess) => void,
  ) {
    this.exited = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.openStdio();
  }

  get containerId(): string {
    return this.facts.containerId;
  }

  get execId(): string {
    return this.facts.execId;
  }

  get pid(): number {
    return this.facts.pid;
  }

  /** Writes to its stdout or stderr; without a FIFO there the bytes are lost. */
  write(stream: 'stdout' | 'stderr', data: string | Buffer): void {
    const fd = this.fds.get(stream);
    if (fd !== undefined) writeSync(fd, Buffer.from(data));
  }

  /** Sends a signal. One that is not ignored ends it with 128 and the signal's number. */
  kill(signal: number): void {
    this.signals.push(signal);
    if (signal === 9 || (signal !== 0 && !this.ignored.has(signal))) this.exit(128 + signal);
  }

  /** Ends it, and with it its hold on its FIFOs: their readers see the end of file. */
  exit(exitStatus: number): void {
    if (this.status === Status.STOPPED) return;
    this.status = Status.STOPPED;
    this.exitStatus = exitStatus;
    for (const fd of this.fds.values()) closeSync(fd);
    this.fds.clear();
    this.onExit(this);
    this.settle();
  }

  /** From here on nobody reads its stdin: so it is with a shim that has started a process, and not opened its stdin yet. */
  stopReadingStdin(): void {
    const fd = this.fds.get('stdin');
    if (fd !== undefined) closeSync(fd);
    this.fds.delete('stdin');
  }

  /** As a shim does: opened for both, so that neither side has to wait for the other. */
  private openStdio(): void {
    for (const stream of ['stdin', 'stdout', 'stderr'] as const) {
      const path = this.facts[stream];
      if (path === '') continue;
      try {
        this.fds.set(stream, openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
      } catch {
        // Tests that care for output make the FIFO.
      }
    }
  }
}
