import type { Duplex } from 'node:stream';
import type { Logger } from '../../base/logger';
import { statusJson, statusText } from '../command-status';
import type { SharedLimits } from '../limits';
import type { ProcessConnection } from '../process-connection';
import type { ProcessProtocol } from '../protocols';
import { SlowClient } from '../streaming-runtime';
import { TerminalSizes } from '../terminal-sizes';
import { SpdySession } from './session';
import type { SpdyStream } from './stream';

/** The streams a request calls for. */
export interface WantedStreams {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface AcceptOptions {
  readonly log: Logger;
  readonly creationTimeoutMs: number;
  readonly protocol: ProcessProtocol;
  readonly wanted: WantedStreams;
  /** Whose process it is: a pod. */
  readonly owner: string;
  readonly shared: SharedLimits;
}

/** What a client that was too slow gets to take its status and to leave. */
const SLOW_CLIENT_TAKES_WITHIN_MS = 1000;

type StreamType = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';
const TYPES: readonly string[] = ['error', 'stdin', 'stdout', 'stderr', 'resize'];

/**
 * Waits for the client to open its streams, each named by its `streamtype` header. Rejects, with the connection closed,
 * when one is unknown or there twice, when some are missing after `creationTimeoutMs`, or when the client leaves.
 */
export function acceptProcess(socket: Duplex, options: AcceptOptions): Promise<ProcessConnection> {
  const { log, protocol, wanted, creationTimeoutMs, owner, shared } = options;
  const found = new Map<StreamType, SpdyStream>();
  const missing = new Set(expected(wanted, protocol));
  const gone = new AbortController();
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(late);
      reject(new Error(why));
      session.destroy();
    };
    const ready = (): void => {
      clearTimeout(late);
      resolve(connection(session, found, { protocol, signal: gone.signal, wanted }));
    };
    const session = new SpdySession(socket, {
      ...{ log, owner, shared },
      onStream: (stream) => {
        const type = stream.headers.get('streamtype') ?? '';
        if (missing.size === 0)
          stream.io.resume(); // more than was asked for
        else if (!isStreamType(type)) fail(`the client opened a stream of type "${type}"`);
        else if (found.has(type)) fail(`the client opened a second ${type} stream`);
        else {
          found.set(type, stream);
          missing.delete(type);
          if (missing.size === 0) ready();
        }
      },
      onClose: () => {
        fail('the client left before it had opened its streams');
        gone.abort(new Error('the client is gone'));
      },
    });
    const late = setTimeout(
      () => fail(`the client did not open its streams within ${creationTimeoutMs} ms`),
      creationTimeoutMs,
    );
    session.start();
  });
}

function expected({ tty, stdin, stdout, stderr }: WantedStreams, protocol: ProcessProtocol): StreamType[] {
  const resize = tty && protocol.resize;
  const all: [StreamType, boolean][] = [
    ['error', true],
    ['stdin', stdin],
    ['stdout', stdout],
    ['stderr', stderr],
    ['resize', resize],
  ];
  return all.filter(([, yes]) => yes).map(([type]) => type);
}

function isStreamType(text: string): text is StreamType {
  return TYPES.includes(text);
}

function connection(
  session: SpdySession,
  found: ReadonlyMap<StreamType, SpdyStream>,
  options: { protocol: ProcessProtocol; signal: AbortSignal; wanted: WantedStreams },
): ProcessConnection {
  const { protocol, signal, wanted } = options;
  const io = (type: StreamType): Duplex | undefined => found.get(type)?.io;
  // Nobody sends anything on an output; if somebody does, it must not stop the connection.
  for (const type of ['error', 'stdout', 'stderr'] as const) io(type)?.resume();
  if (!wanted.stdin) io('stdin')?.resume();
  const sizes = new TerminalSizes(io('resize'));
  return {
    streams: {
      stdin: wanted.stdin ? io('stdin') : undefined,
      stdout: wanted.stdout ? io('stdout') : undefined,
      stderr: wanted.stderr ? io('stderr') : undefined,
      onResize: (listener) => sizes.onResize(listener),
      signal,
    },
    finish: (result) => {
      io('error')?.end((protocol.jsonStatus ? statusJson : statusText)(result));
      // It has left a megabyte lying already; its connection is not kept for what it may read one day.
      if ('error' in result && result.error instanceof SlowClient) session.close(SLOW_CLIENT_TAKES_WITHIN_MS);
      else session.close();
    },
  };
}
