import { GrowingBuffer } from './growing-buffer';
import { LogClock, STAMP_BYTES, WallClock } from './log-clock';
import { LogFile, type LogFileDeps, type PlannedWrite } from './log-file';

export type OutputStream = 'stdout' | 'stderr';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const PARTIAL = 0x50;
const FULL = 0x46;
/** `<time> <stream> <tag> `: both stream names have six letters. */
const PREFIX_BYTES = STAMP_BYTES + 10;
const STREAM_AT = STAMP_BYTES + 1;
const TAG_AT = STAMP_BYTES + 8;
/** With no limit on lines, a container that never ends one would take all memory: this is where "unlimited" ends. */
const UNLIMITED_LINE_BYTES = 16 * 1024 * 1024;
const OUTPUT_BYTES = 1024 * 1024;

/** Memory that lines are put together in. One serves all writers of one thread: it is empty between chunks. */
export function createOutputBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(OUTPUT_BYTES);
}

export interface LogWriterOptions extends LogFileDeps {
  /** Absolute path. */
  path: string;
  /** Longer lines are split; 0 or less: no limit (in practice 16 MiB). */
  maxLineBytes: number;
  outputBuffer: Buffer;
  /** Wall clock in nanoseconds since 1970. */
  now?: () => bigint;
}

/**
 * Writes what a container prints as kubelet reads it: `<time> <stdout|stderr> <F|P> <content>`, one line each, both
 * streams in one file. Bytes are never decoded. As containerd does:
 * - a `\r` right before the newline is dropped, any other is kept;
 * - a line longer than the limit becomes pieces of exactly the limit, tagged P, and a last one tagged F;
 * - what a stream ends with, when that is no newline, is tagged P: kubelet then adds no newline of its own.
 * Times strictly increase over the whole file, and a chunk costs one write. A line that has not ended is kept in memory,
 * so a new file starts with a whole line.
 */
export class LogWriter {
  private readonly prefix = Buffer.alloc(PREFIX_BYTES, ' ');
  private readonly clock: LogClock;
  private readonly maxLine: number;
  private readonly out: Buffer;
  private readonly unfinished: Record<OutputStream, GrowingBuffer>;
  private outUsed = 0;
  private file: LogFile;

  constructor(private readonly options: LogWriterOptions) {
    this.file = new LogFile(options.path, options);
    this.clock = new LogClock(options.now ?? wallClock());
    this.maxLine = options.maxLineBytes > 0 ? options.maxLineBytes : UNLIMITED_LINE_BYTES;
    this.out = options.outputBuffer;
    this.unfinished = { stdout: new GrowingBuffer(), stderr: new GrowingBuffer() };
  }

  get path(): string {
    return this.file.path;
  }

  /** Writes the lines that `chunk` completes and keeps the rest. Never throws for a disk that fails. */
  write(stream: OutputStream, chunk: Buffer): void {
    this.begin(stream);
    this.lines(this.unfinished[stream], chunk);
    this.flush();
  }

  /**
   * Puts the lines that `chunk` completes together for `flush`, as far as there is room, and answers how many bytes they
   * used. The rest is the caller's to keep: the next chunk begins with it. For callers that can look at output without
   * taking it; `write` and this must not be mixed.
   */
  gather(stream: OutputStream, chunk: Buffer): number {
    this.begin(stream);
    let at = 0;
    while (at < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, at);
      const end = newline < 0 ? chunk.length : newline;
      const sure = end > at && chunk[end - 1] === RETURN ? end - 1 : end;
      for (; sure - at > this.maxLine; at += this.maxLine) {
        if (!this.hasRoom(this.maxLine)) return at;
        this.emit(chunk, at, at + this.maxLine, PARTIAL);
      }
      if (newline < 0 || !this.hasRoom(sure - at)) return at;
      this.emit(chunk, at, sure, FULL);
      at = newline + 1;
    }
    return at;
  }

  /** The same for what a stream ends with, or a pipe is full of, without a newline: all of it is tagged P. */
  gatherRest(stream: OutputStream, chunk: Buffer): number {
    this.begin(stream);
    let at = 0;
    while (at < chunk.length) {
      const size = Math.min(chunk.length - at, this.maxLine);
      if (!this.hasRoom(size)) return at;
      this.emit(chunk, at, at + size, PARTIAL);
      at += size;
    }
    return at;
  }

  /** What `flush` would append, and to which file; undefined when nothing is gathered or the file is closed. */
  planned(): PlannedWrite | undefined {
    return this.outUsed > 0 ? this.file.planned(this.outUsed) : undefined;
  }

  /** Writes what has been gathered. Never throws for a disk that fails. */
  flush(): void {
    if (this.outUsed === 0) return;
    this.file.append(this.out.subarray(0, this.outUsed));
    this.outUsed = 0;
  }

  /** Writes what is left of a stream that ended without a newline. */
  end(stream: OutputStream): void {
    const line = this.unfinished[stream];
    if (line.length === 0) return;
    this.begin(stream);
    const view = line.view();
    let at = 0;
    for (; view.length - at > this.maxLine; at += this.maxLine) this.emit(view, at, at + this.maxLine, PARTIAL);
    this.emit(view, at, view.length, PARTIAL);
    this.flush();
    line.clear();
  }

  /** Goes on in another file (or the same path, renamed meanwhile). Throws and changes nothing when it cannot be opened. */
  reopen(path: string): void {
    const next = new LogFile(path, this.options);
    const previous = this.file;
    this.file = next;
    this.clock.restart(this.prefix);
    previous.close();
  }

  /** Writes what is left of both streams and closes the file. */
  close(): void {
    this.end('stdout');
    this.end('stderr');
    this.file.close();
  }

  private begin(stream: OutputStream): void {
    this.clock.tick(this.prefix);
    this.prefix.write(stream, STREAM_AT, 'latin1');
  }

  private lines(unfinished: GrowingBuffer, chunk: Buffer): void {
    let at = 0;
    if (unfinished.length > 0) {
      const newline = chunk.indexOf(NEWLINE);
      unfinished.append(chunk, 0, newline < 0 ? chunk.length : newline);
      if (newline < 0) {
        unfinished.drop(this.pieces(unfinished.view(), 0, unfinished.length));
        return;
      }
      const view = unfinished.view();
      this.line(view, 0, view.length);
      unfinished.clear();
      at = newline + 1;
    }
    while (at < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, at);
      if (newline < 0) {
        unfinished.append(chunk, this.pieces(chunk, at, chunk.length), chunk.length);
        return;
      }
      this.line(chunk, at, newline);
      at = newline + 1;
    }
  }

  /** Emits a finished line, `source[from..to)`. */
  private line(source: Buffer, from: number, to: number): void {
    const end = to > from && source[to - 1] === RETURN ? to - 1 : to;
    let at = from;
    for (; end - at > this.maxLine; at += this.maxLine) this.emit(source, at, at + this.maxLine, PARTIAL);
    this.emit(source, at, end, FULL);
  }

  /** Emits as much of an unfinished line as must be a piece whatever follows; answers where the rest begins. */
  private pieces(source: Buffer, from: number, to: number): number {
    // A trailing `\r` may belong to the newline yet to come, and is then not part of the line.
    const sure = source[to - 1] === RETURN ? to - 1 : to;
    let at = from;
    for (; sure - at > this.maxLine; at += this.maxLine) this.emit(source, at, at + this.maxLine, PARTIAL);
    return at;
  }

  private emit(source: Buffer, from: number, to: number, tag: number): void {
    const size = PREFIX_BYTES + to - from + 1;
    if (this.outUsed + size > this.out.length) this.flush();
    this.clock.next(this.prefix);
    this.prefix[TAG_AT] = tag;
    if (size > this.out.length) {
      this.file.append(Buffer.concat([this.prefix, source.subarray(from, to), Buffer.of(NEWLINE)]));
      return;
    }
    this.out.set(this.prefix, this.outUsed);
    const body = this.outUsed + PREFIX_BYTES;
    source.copy(this.out, body, from, to);
    this.out[body + to - from] = NEWLINE;
    this.outUsed += size;
  }

  private hasRoom(bytes: number): boolean {
    return this.outUsed + PREFIX_BYTES + bytes + 1 <= this.out.length;
  }
}

function wallClock(): () => bigint {
  const clock = new WallClock();
  return () => clock.now();
}
