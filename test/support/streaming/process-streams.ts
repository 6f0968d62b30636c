import { PassThrough } from 'node:stream';
import type { ProcessStreams, TerminalSize } from '../../../src/streaming/streaming-runtime';

/** A client of a process as the runtime sees it: what it sends and takes, its sizes, and its leaving. */
export class FakeClient implements ProcessStreams {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly gone = new AbortController();
  readonly signal = this.gone.signal;
  private size: TerminalSize | undefined;
  private listener: ((size: TerminalSize) => void) | undefined;
  private readonly seen = { stdout: '', stderr: '' };

  constructor() {
    for (const name of ['stdout', 'stderr'] as const) {
      this[name].on('data', (chunk) => {
        this.seen[name] += chunk;
      });
      this[name].on('error', () => undefined);
    }
    this.stdin.on('error', () => undefined);
  }

  /** What came so far. */
  get out(): string {
    return this.seen.stdout;
  }

  get err(): string {
    return this.seen.stderr;
  }

  readonly onResize = (listener: (size: TerminalSize) => void): void => {
    this.listener = listener;
    if (this.size) listener(this.size);
  };

  /** Its terminal has another size. */
  resize(size: TerminalSize): void {
    this.size = size;
    this.listener?.(size);
  }

  /** As when its connection breaks: streams are destroyed, the signal fires. */
  leave(): void {
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream.destroy();
    this.gone.abort(new Error('the client is gone'));
  }
}
