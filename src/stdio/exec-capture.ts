import type { BytePool, PoolMember } from '../base/byte-pool';
import type { OutputStream } from './cri-log';
import { endedOrLate } from './ended-or-late';
import { FifoReader } from './fifo';
import { GrowingBuffer } from './growing-buffer';

const SWEEP_BYTES = 1024 * 1024;

export interface CapturePaths {
  /** The pod that the process belongs to. Absent: the process is an owner of its own. */
  owner?: string;
  stdout?: string;
  stderr?: string;
}

export interface CaptureLimits {
  /** What is kept of each stream, in bytes. */
  perStream: number;
  /** What is kept of both together: the reply must fit the 16 MiB that kubelet's gRPC client takes. */
  total: number;
}

export interface CaptureDeps {
  /** See createReadBuffer: one for all. */
  readonly readBuffer: Buffer;
  /** What is kept of all processes: what is over is thrown away too, and that is told. */
  readonly pool: BytePool;
}

export interface Captured {
  stdout: Buffer;
  stderr: Buffer;
  /** Bytes that were read and thrown away, being over a limit. */
  discarded: number;
  /** Some of them were thrown away only because other processes have printed much. */
  crowdedOut?: true;
  /** False: a process still holds an output, and the time was up. */
  complete: boolean;
}

/** Keeps what a process prints, up to limits. Reading never stops at a limit: the process would block on a full pipe. */
export class ExecCapture {
  private readonly readers: FifoReader[] = [];
  private readonly kept: Record<OutputStream, GrowingBuffer> = {
    stdout: new GrowingBuffer(),
    stderr: new GrowingBuffer(),
  };
  private readonly ended: Promise<void>;
  private readonly readBuffer: Buffer;
  private readonly share: PoolMember;
  private tellEnded: () => void = () => undefined;
  private discarded = 0;
  private crowdedOut = false;
  private over = false;

  /** Opens the FIFOs; do so before Tasks.Exec starts the process. Throws with nothing left open. */
  constructor(
    paths: CapturePaths,
    private readonly limits: CaptureLimits,
    { readBuffer, pool }: CaptureDeps,
  ) {
    this.readBuffer = readBuffer;
    this.share = pool.join(undefined, paths.owner);
    this.ended = new Promise((resolve) => {
      this.tellEnded = resolve;
    });
    try {
      this.read('stdout', paths.stdout);
      this.read('stderr', paths.stderr);
    } catch (error) {
      this.close();
      throw error;
    }
    this.lookForEnd();
  }

  /**
   * What was printed until both streams ended or `timeoutMs` was up (Infinity: no limit). Call it when the process has
   * exited; a child of its own may hold the streams open much longer. What comes later is read and thrown away until `close`.
   */
  async drain(timeoutMs: number): Promise<Captured> {
    const complete = await endedOrLate(this.ended, timeoutMs);
    if (!complete) {
      for (const reader of this.readers) reader.sweep(SWEEP_BYTES);
    }
    this.discard();
    const { stdout, stderr } = this.kept;
    const { discarded, crowdedOut } = this;
    return { stdout: stdout.view(), stderr: stderr.view(), discarded, complete, ...(crowdedOut && { crowdedOut }) };
  }

  /** From now on what is printed is read and thrown away; who waits in `drain` gets what there is. */
  discard(): void {
    this.over = true;
    this.tellEnded();
  }

  /** Lets go of each FIFO at its end, at the latest after so many milliseconds. What comes until then is thrown away. */
  closeWithin(ms: number): void {
    this.discard();
    this.share.leave();
    if (this.readers.every((reader) => reader.ended)) return;
    setTimeout(() => this.close(), ms).unref();
  }

  /** Lets go of the FIFOs at once. */
  close(): void {
    for (const reader of this.readers) reader.close();
    this.discard();
    this.share.leave();
  }

  private read(stream: OutputStream, path: string | undefined): void {
    if (!path) return;
    const onData = (chunk: Buffer): void => this.keep(stream, chunk);
    this.readers.push(new FifoReader({ path, readBuffer: this.readBuffer, onData, onEnd: () => this.lookForEnd() }));
  }

  private keep(stream: OutputStream, chunk: Buffer): void {
    if (this.over) return;
    const { stdout, stderr } = this.kept;
    const allowed = Math.min(
      this.limits.perStream - this.kept[stream].length,
      this.limits.total - stdout.length - stderr.length,
      chunk.length,
    );
    const taken = Math.max(0, Math.min(allowed, this.share.room));
    if (taken < allowed) this.crowdedOut = true;
    this.kept[stream].append(chunk, 0, taken);
    this.share.set(stdout.length + stderr.length);
    this.discarded += chunk.length - taken;
  }

  private lookForEnd(): void {
    if (this.readers.every((reader) => reader.ended)) this.tellEnded();
  }
}
