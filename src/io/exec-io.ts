import { type CaptureLimits, type CapturePaths, ExecCapture } from './exec-capture';
import { type ExecStreamOptions, ExecStreams } from './exec-streams';
import { createReadBuffer } from './fifo';

const MIB = 1024 * 1024;

/** The limits of ExecSync: 16 MiB of each stream, and a reply that fits gRPC's 16 MiB with its exit code and tags. */
export const EXEC_SYNC_LIMITS: CaptureLimits = { perStream: 16 * MIB, total: 16 * MIB - 64 * 1024 };

/** Opens the stdio of exec processes, with one read buffer for all. */
export class ExecIo {
  private readonly readBuffer = createReadBuffer();

  /** Begins to collect what a process prints, as ExecSync answers it. */
  capture(paths: CapturePaths, limits: CaptureLimits = EXEC_SYNC_LIMITS): ExecCapture {
    return new ExecCapture(paths, limits, this.readBuffer);
  }

  /** Begins to carry a process's streams to a client, as Exec does. */
  stream(options: ExecStreamOptions): ExecStreams {
    return new ExecStreams(options, this.readBuffer);
  }
}
