import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import type { Metrics } from '../base/metrics';
import { StdioError } from './stdio-error';

const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);

/** The one system call a log file is written with; a test may give one that fails. */
export type WriteSync = (fd: number, data: Buffer, offset: number, length: number) => number;

/** An append to a log file. */
export interface PlannedWrite {
  /** The file by its inode number: kubelet may rename it at any time. */
  readonly inode: bigint;
  readonly offset: number;
  readonly length: number;
}

export interface LogFileDeps {
  log: Logger;
  metrics: Metrics;
  write?: WriteSync;
}

/**
 * A log file, open for appending. A write that fails (no space, a broken disk) loses the lines it was for and nothing
 * else: it is counted, and never stops the caller, because a container whose output is not read hangs. No line is torn:
 * when only part of one could be written, its rest goes first with the next write.
 */
export class LogFile {
  private readonly write: WriteSync;
  private readonly inode: bigint;
  private fd: number;
  private size: number;
  /** The rest of a line whose beginning is in the file. */
  private rest: Buffer = NOTHING;
  private failing = false;

  /** Opens or makes the file (0640) and its parents (0755). A link or anything but a regular file is refused. */
  constructor(
    readonly path: string,
    private readonly deps: LogFileDeps,
  ) {
    this.write = deps.write ?? writeSync;
    this.fd = openLog(path);
    const { ino, size } = fstatSync(this.fd, { bigint: true });
    this.inode = ino;
    this.size = Number(size);
    // A crash or a full disk may have left half a line: do not glue the next one to it.
    if (endsMidLine(this.fd)) this.rest = Buffer.of(NEWLINE);
  }

  /** What appending `bytes` of lines now would write; undefined once it is closed. */
  planned(bytes: number): PlannedWrite | undefined {
    if (this.fd < 0) return undefined;
    return { inode: this.inode, offset: this.size, length: this.rest.length + bytes };
  }

  /** Appends whole lines with one write, as far as the disk takes them. */
  append(lines: Buffer): void {
    if (this.fd < 0) return;
    const data = this.rest.length > 0 ? Buffer.concat([this.rest, lines]) : lines;
    const done = this.writeOut(data);
    if (done === data.length) {
      this.rest = NOTHING;
      this.recovered();
      return;
    }
    const kept = done === 0 ? this.rest.length : endOfTornLine(data, done);
    // A copy: `lines` is the caller's buffer, used again for the next chunk.
    this.rest = done === 0 ? this.rest : Buffer.from(data.subarray(done, kept));
    this.lost(data.length - kept);
  }

  /** Closes the file, after a last try to complete a torn line. */
  close(): void {
    if (this.fd < 0) return;
    if (this.rest.length > 0) this.writeOut(this.rest);
    closeSync(this.fd);
    this.fd = -1;
  }

  /** Bytes written of `data`; a short write is continued. */
  private writeOut(data: Buffer): number {
    let done = 0;
    try {
      while (done < data.length) {
        const n = this.write(this.fd, data, done, data.length - done);
        if (n <= 0) break;
        done += n;
        this.size += n;
      }
    } catch (error) {
      if (!this.failing) {
        this.deps.log.warn('a container log cannot be written', { path: this.path, error: errorMessage(error) });
      }
      this.failing = true;
    }
    return done;
  }

  private lost(bytes: number): void {
    this.failing = true;
    this.deps.metrics.count('crisp_container_log_write_failures_total');
    this.deps.metrics.count('crisp_container_log_lost_bytes_total', undefined, bytes);
  }

  private recovered(): void {
    if (!this.failing) return;
    this.failing = false;
    this.deps.log.info('a container log can be written again', { path: this.path });
  }
}

/** Where the line ends that byte `done - 1` belongs to; `done` itself when a line ends there. */
function endOfTornLine(data: Buffer, done: number): number {
  if (data[done - 1] === NEWLINE) return done;
  const newline = data.indexOf(NEWLINE, done);
  return newline < 0 ? data.length : newline + 1;
}

function openLog(path: string): number {
  // O_NOFOLLOW: whoever can write to the log directory must not choose which file root appends to.
  // O_NONBLOCK: opening a FIFO put in its place must not wait for a reader.
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let fd: number;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    fd = openSync(path, flags, 0o640);
  } catch (error) {
    throw new StdioError('BAD_LOG', `open the log file "${path}"`, { cause: error });
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new StdioError('BAD_LOG', `the log file "${path}" is not a regular file`);
}

function endsMidLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  return readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE;
}
