import { constants } from 'node:os';
import { errorMessage } from '../../base/errors';
import { nodeSpawn } from './node-spawn';
import { posixSpawn } from './posix-spawn';
import type { Running, StartProgram } from './program';

export interface RunOptions {
  /** The program and all it started are killed after this many milliseconds; default 60 s, 0: never. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Added to PATH, which is all that is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to standard input, which is then closed. */
  readonly input?: string | Buffer;
  readonly cwd?: string;
  /** More than this on standard output is an error; standard error is cut. Default 1 MiB. */
  readonly maxOutputBytes?: number;
  /** How long the end of a program that had to be killed is waited for, in milliseconds. Default 0: not at all. */
  readonly untilGoneMs?: number;
}

export interface RunResult {
  /** As a shell says it: 128 + n when signal n ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program could not be started, did not end in time, printed too much, or (from `runOk`) failed. */
export class RunError extends Error {
  override readonly name = 'RunError';
  constructor(
    readonly program: string,
    message: string,
    readonly result?: RunResult,
    options?: { cause?: unknown },
  ) {
    super(`${program}: ${message}`, options);
  }
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_OUTPUT_BYTES = 1 << 20;
/** Characters of standard error in an error's message. */
const MAX_SAID = 1000;

/** The environment every program gets: PATH, no NODE_OPTIONS, no proxy, no credentials. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH || DEFAULT_PATH, ...extra };
}

/**
 * Runs a program, never through a shell, and answers its code and output, whatever the code. Rejects with a RunError or
 * with the signal's reason. A program that is cut off is killed, and `run` waits for its end for `untilGoneMs` at most. The
 * kernel may hold it up for longer (a dead NFS mount): then the program stays behind, and its caller goes on.
 */
export async function run(
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
  start: StartProgram = offThread,
): Promise<RunResult> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS, untilGoneMs = 0 } = options;
  signal?.throwIfAborted();
  const [program] = argv;
  const failed = (cause: unknown): RunError => new RunError(program, errorMessage(cause), undefined, { cause });
  let running: Running;
  try {
    running = start({ argv, env: cleanEnv(options.env), cwd: options.cwd ?? '/', input: options.input ?? '' });
  } catch (error) {
    throw failed(error);
  }
  return new Promise<RunResult>((resolve, reject) => {
    const onAbort = (): void => giveUp(signal?.reason);
    const onTime = (): void => giveUp(new RunError(program, `still running after ${timeoutMs} ms, killed`));
    const timer = timeoutMs > 0 ? setTimeout(onTime, timeoutMs) : undefined;
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    let killed = false;
    const giveUp = (reason: unknown): void => {
      killed = true;
      settle();
      running.abandon();
      if (untilGoneMs > 0) void running.gone(untilGoneMs).then(() => reject(reason));
      else reject(reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const max = options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES;
    const stdout = collect(running.stdout, max, () => giveUp(new RunError(program, `printed more than ${max} bytes`)));
    const stderr = collect(running.stderr, max);
    running.ended.then(
      ({ code, signal: killedBy }) => {
        if (killed) return;
        settle();
        resolve({ code: exitCode(code, killedBy), stdout: stdout(), stderr: stderr() });
      },
      (cause) => giveUp(failed(cause)),
    );
  });
}

/** Off this thread where that can be, else as Node does it. */
const offThread: StartProgram = (program) => posixSpawn(program) ?? nodeSpawn(program);

/** As `run`, and rejects with a RunError, which carries what it said on standard error, unless the code is 0. */
export async function runOk(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const result = await run(argv, options);
  if (result.code === 0) return result;
  const lines = result.stderr.split('\n').map((line) => line.trim());
  const said = lines
    .filter((line) => line !== '')
    .join('; ')
    .slice(0, MAX_SAID);
  throw new RunError(argv[0], said || `exit code ${result.code}`, result);
}

function collect(stream: NodeJS.ReadableStream | null, max: number, tooMuch?: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    if (size < max) chunks.push(chunk.subarray(0, max - size));
    size += chunk.length;
    if (size > max) tooMuch?.();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function exitCode(code: number | null, killedBy: NodeJS.Signals | null): number {
  return code ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy]);
}
