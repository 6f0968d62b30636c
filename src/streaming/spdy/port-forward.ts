import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { errorMessage } from '../../base/errors';
import { type ForwardOptions, forwardTo } from '../forward-to';
import { SpdySession } from './session';
import type { SpdyStream } from './stream';

/** What a client gets to end its side of a stream that is over for us. */
const CLIENT_ENDS_WITHIN_MS = 1000;

interface Half {
  readonly type: 'data' | 'error';
  /** The data and the error stream of one connection have the same. */
  readonly requestId: string;
  readonly port: number;
  readonly stream: SpdyStream;
}

/** Serves forwarded connections, each a pair of streams, until the client leaves. What befalls one touches no other. */
export function forwardOverSpdy(socket: Duplex, options: ForwardOptions): Promise<void> {
  const gone = new AbortController();
  setMaxListeners(0, gone.signal); // one for each connection that is being made
  const halves = new Halves(options.creationTimeoutMs);
  return new Promise((resolve) => {
    const session = new SpdySession(socket, {
      log: options.log,
      owner: options.owner,
      shared: options.shared,
      onStream: (stream) => {
        const pair = halves.add(stream);
        if (pair) void forward(pair, options, gone.signal);
      },
      onClose: () => {
        halves.clear();
        gone.abort(new Error('the client is gone'));
        resolve();
      },
    });
    session.start();
  });
}

interface Pair {
  readonly port: number;
  readonly data: Duplex;
  readonly error: Duplex;
}

/** Streams whose other half has not come yet. */
class Halves {
  private readonly waiting = new Map<string, { half: Half; late: NodeJS.Timeout }>();

  constructor(private readonly timeoutMs: number) {}

  /** The pair that this stream completes. A stream that fits nowhere is reset. */
  add(stream: SpdyStream): Pair | undefined {
    const half = halfOf(stream);
    const other = half && this.waiting.get(half.requestId);
    if (!half || other?.half.type === half.type || (other && other.half.port !== half.port)) {
      stream.io.destroy();
      return undefined;
    }
    if (!other) {
      this.keep(half);
      return undefined;
    }
    this.forget(half.requestId);
    const [data, error] = half.type === 'data' ? [half, other.half] : [other.half, half];
    return { port: half.port, data: data.stream.io, error: error.stream.io };
  }

  clear(): void {
    for (const id of [...this.waiting.keys()]) this.forget(id);
  }

  private keep(half: Half): void {
    const late = setTimeout(() => half.stream.io.destroy(), this.timeoutMs);
    this.waiting.set(half.requestId, { half, late });
    half.stream.io.once('close', () => {
      if (this.waiting.get(half.requestId)?.half === half) this.forget(half.requestId);
    });
  }

  private forget(requestId: string): void {
    clearTimeout(this.waiting.get(requestId)?.late);
    this.waiting.delete(requestId);
  }
}

/** Undefined when it does not say which half of which connection it is. Old clients do not number their connections. */
function halfOf(stream: SpdyStream): Half | undefined {
  const type = stream.headers.get('streamtype');
  const text = stream.headers.get('port') ?? '';
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if ((type !== 'data' && type !== 'error') || port < 1 || port > 65_535) return undefined;
  const requestId = stream.headers.get('requestid') ?? `stream ${type === 'error' ? stream.id : stream.id - 2}`;
  return { type, requestId, port, stream };
}

async function forward({ port, data, error }: Pair, options: ForwardOptions, signal: AbortSignal): Promise<void> {
  error.resume();
  try {
    await forwardTo(port, data, { ...options, clientGone: signal });
    endSoon(error);
  } catch (thrown) {
    const message = `forward to port ${port}: ${errorMessage(thrown)}`;
    options.log.debug('a connection could not be forwarded', { port, error: message });
    endSoon(error, message);
    endSoon(data);
  }
}

/** Ends our side, and the stream when the client has not ended its own side shortly after. */
function endSoon(stream: Duplex, last?: string): void {
  stream.resume();
  stream.end(last);
  const late = setTimeout(() => stream.destroy(), CLIENT_ENDS_WITHIN_MS).unref();
  stream.once('close', () => clearTimeout(late));
}
