import { BytePool, type PoolLimits } from '../base/byte-pool';
import { type CaptureLimits, type CapturePaths, ExecCapture } from './exec-capture';
import { EXEC_BACKLOG_BYTES, type ExecStreamOptions, ExecStreams } from './exec-streams';
import { createReadBuffer } from './fifo';

const MIB = 1024 * 1024;

/** The limits of ExecSync: 16 MiB of each stream, and a reply that fits gRPC's 16 MiB with its exit code and tags. */
export const EXEC_SYNC_LIMITS: CaptureLimits = { perStream: 16 * MIB, total: 16 * MIB - 64 * 1024 };

/**
 * What is kept of the outputs of all ExecSync processes, in bytes. kubelet runs the probes of all pods beside each other and
 * looks at 10 KiB of each: that much is kept of every process, whatever others print. One pod's have half of it at most.
 */
export const CAPTURE_BYTES = { all: 64 * MIB, ofOwner: 32 * MIB, each: 16 * MIB, own: 16 * 1024 } as const;

/** Opens the stdio of exec processes, with one read buffer and one limit of memory for all. */
export class ExecIo {
  private readonly readBuffer = createReadBuffer();
  private readonly backlog = new BytePool(EXEC_BACKLOG_BYTES);
  private readonly pool: BytePool;

  /** `captured`: CAPTURE_BYTES; for tests. */
  constructor(captured: PoolLimits = CAPTURE_BYTES) {
    this.pool = new BytePool(captured);
  }

  /** Begins to collect what a process prints, as ExecSync answers it. */
  capture(paths: CapturePaths, limits: CaptureLimits = EXEC_SYNC_LIMITS): ExecCapture {
    return new ExecCapture(paths, limits, { readBuffer: this.readBuffer, pool: this.pool });
  }

  /** Begins to carry a process's streams to a client, as Exec does. */
  stream(options: ExecStreamOptions): ExecStreams {
    return new ExecStreams(options, { readBuffer: this.readBuffer, backlog: this.backlog });
  }
}
