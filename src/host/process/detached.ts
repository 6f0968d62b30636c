import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { errorMessage } from '../../base/errors';
import { cleanEnv } from './run';

/** The descriptor through which a detached program says why it ends, and the variable that tells it so. */
const LAST_WORDS_FD = 3;
const LAST_WORDS_VARIABLE = 'CRISP_LAST_WORDS_FD';
const LAST_WORDS_BYTES = 4096;
/** How long the last words of a program that has ended are waited for. */
const LAST_WORDS_MS = 1000;

export interface DetachedOptions {
  /** What the program prints goes to the journal when ours does, else into this file, which is begun anew. */
  readonly logFile: string;
  /** The file cannot be opened: what the program prints is not kept. */
  readonly onNoLog: (error: unknown) => void;
  /** The program could not be started, or has ended, and why. Called once; never after we have ended ourselves. */
  readonly onEnd: (why: string) => void;
}

/** A program that was started by `spawnDetached`. */
export interface Detached {
  /** Undefined when it could not be started; `onEnd` says why. */
  readonly pid: number | undefined;
  /** Ends it at once, if it has not ended yet. */
  kill(): void;
}

/**
 * Starts a program that outlives us: in a session of its own, with no descriptor of ours but what it prints to and the one
 * for its last words (see `sayLastWords`). Where systemd runs us it stays in our unit's cgroup, so the unit needs
 * KillMode=process. Throws when the system refuses at once (no memory); `onEnd` is not called then.
 */
export function spawnDetached(argv: readonly [string, ...string[]], options: DetachedOptions): Detached {
  const [program, ...args] = argv;
  const journal = process.env.JOURNAL_STREAM;
  const output = journal === undefined ? openLog(options) : 'inherit';
  try {
    const extra = { [LAST_WORDS_VARIABLE]: String(LAST_WORDS_FD) };
    const env = cleanEnv(journal === undefined ? extra : { ...extra, JOURNAL_STREAM: journal });
    const child = spawn(program, args, { cwd: '/', env, detached: true, stdio: ['ignore', output, output, 'pipe'] });
    watch(child, options.onEnd);
    child.unref();
    return { pid: child.pid, kill: () => void child.kill('SIGKILL') };
  } finally {
    if (typeof output === 'number') closeSync(output);
  }
}

/** To be called by a program that `spawnDetached` has started when it ends: its starter is told why. Never throws. */
export function sayLastWords(why: string, env: Record<string, string | undefined> = process.env): void {
  const fd = Number(env[LAST_WORDS_VARIABLE]);
  if (fd !== LAST_WORDS_FD) return;
  try {
    writeSync(fd, why.slice(0, LAST_WORDS_BYTES));
  } catch {
    // The starter has ended.
  }
}

function openLog({ logFile, onNoLog }: DetachedOptions): number | 'ignore' {
  try {
    return openSync(logFile, 'w', 0o600);
  } catch (error) {
    onNoLog(error);
    return 'ignore';
  }
}

function watch(child: ChildProcess, onEnd: (why: string) => void): void {
  const words = child.stdio[LAST_WORDS_FD] as (Readable & { unref?(): void }) | null | undefined;
  let said = '';
  words?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(0, LAST_WORDS_BYTES);
  });
  words?.on('error', () => undefined);
  words?.unref?.();
  let ended = false;
  const end = (why: string): void => {
    if (ended) return;
    ended = true;
    words?.destroy();
    onEnd(said === '' ? why : `${why}: ${said}`);
  };
  child.on('error', (error) => {
    if (child.pid === undefined) end(errorMessage(error)); // else a signal could not be sent
  });
  child.on('exit', (code, signal) => {
    const why = signal ?? `exit code ${code}`;
    if (!words || words.closed) return end(why);
    words.once('close', () => end(why));
    setTimeout(() => end(why), LAST_WORDS_MS).unref();
  });
}
