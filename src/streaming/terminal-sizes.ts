import type { Readable } from 'node:stream';
import { goStruct, readAsGo } from '../base/json/go-fields';
import type { TerminalSize } from './streaming-runtime';

/** Longest text of one size, in bytes, and all that is looked at of what comes at a time; a size takes less than 40. */
export const SIZE_TEXT_BYTES = 4096;
/** Most sizes that are read of what comes at a time: the latest, for only the last of them counts in the end. */
export const SIZES_AT_A_TIME = 16;
const MOST_CHARACTERS = 65_535;
/** No text of a size is shorter. What is, is not parsed: an error of JSON takes as long as a hundred frames. */
const SHORTEST = '{"Width":1,"Height":1}'.length;
const SIZE_SHAPE = goStruct('Width Height');
const END = 0x7d; // }

/**
 * Reads the sizes a client sends (`{"Width":80,"Height":24}`, one after the other) and remembers the latest. Keys may be of
 * any case, as Go's readers take them. Of much that comes at a time only what stands before the last `}` is looked at, so
 * that the work for it has a limit however long it is.
 */
export class TerminalSizes {
  private latest: TerminalSize | undefined;
  private listener: ((size: TerminalSize) => void) | undefined;
  /** What has come behind the last `}`. */
  private rest = Buffer.alloc(0);

  constructor(from: Readable | undefined) {
    from?.on('data', (chunk: Buffer) => this.read(chunk));
    from?.on('error', () => undefined);
  }

  /** Calls back with the latest size and with each that follows. */
  onResize(listener: (size: TerminalSize) => void): void {
    this.listener = listener;
    if (this.latest) listener(this.latest);
  }

  private read(chunk: Buffer): void {
    const end = chunk.lastIndexOf(END) + 1;
    if (end > 0) {
      for (const text of lastSizes(joined(this.rest, chunk.subarray(0, end)))) this.take(sizeOf(text));
      this.rest = Buffer.alloc(0);
    }
    const begun = chunk.subarray(end);
    // A text that is too long is forgotten; what follows up to the next `}` is none either.
    const tooLong = this.rest.length + begun.length > SIZE_TEXT_BYTES;
    this.rest = tooLong ? Buffer.alloc(0) : Buffer.concat([this.rest, begun]);
  }

  private take(size: TerminalSize | undefined): void {
    if (!size) return;
    this.latest = size;
    this.listener?.(size);
  }
}

/** The last bytes of both, as many as are looked at. */
function joined(before: Buffer, chunk: Buffer): Buffer {
  const part = chunk.subarray(-SIZE_TEXT_BYTES);
  const room = SIZE_TEXT_BYTES - part.length;
  return room > 0 && before.length > 0 ? Buffer.concat([before.subarray(-room), part]) : part;
}

/** The texts in front of the last few `}`, each with its own. */
function lastSizes(text: Buffer): string[] {
  const parts = text.toString('utf8').split('}');
  return parts
    .slice(0, -1)
    .slice(-SIZES_AT_A_TIME)
    .map((part) => `${part}}`);
}

/** Undefined for what is no size, and for one that is 0: some clients send that when they have no terminal. */
function sizeOf(text: string): TerminalSize | undefined {
  if (text.length < SHORTEST) return undefined;
  let value: unknown;
  try {
    value = readAsGo<unknown>(JSON.parse(text), SIZE_SHAPE);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { Width: width, Height: height } = value as { Width?: unknown; Height?: unknown };
  return isCount(width) && isCount(height) ? { width, height } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) <= MOST_CHARACTERS;
}
