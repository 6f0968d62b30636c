import type { Readable } from 'node:stream';
import { goStruct, readAsGo } from '../base/go-fields';
import type { TerminalSize } from './streaming-runtime';

/** Longest text without an end that is kept; a size takes less than 40 bytes. */
const MOST_TEXT = 4096;
const MOST_CHARACTERS = 65_535;
const SIZE_SHAPE = goStruct('Width Height');

/**
 * Reads the sizes a client sends (`{"Width":80,"Height":24}`, one after the other) and remembers the latest. Keys may be of
 * any case, as Go's readers take them.
 */
export class TerminalSizes {
  private latest: TerminalSize | undefined;
  private listener: ((size: TerminalSize) => void) | undefined;
  private text = '';

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
    this.text += chunk.toString('utf8');
    for (let end = this.text.indexOf('}'); end >= 0; end = this.text.indexOf('}')) {
      const size = sizeOf(this.text.slice(0, end + 1));
      this.text = this.text.slice(end + 1);
      if (!size) continue;
      this.latest = size;
      this.listener?.(size);
    }
    if (this.text.length > MOST_TEXT) this.text = '';
  }
}

/** Undefined for what is no size, and for one that is 0: some clients send that when they have no terminal. */
function sizeOf(text: string): TerminalSize | undefined {
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
