import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A daemon that a test has started: stopped by its pid, never by its name. */
export interface Daemon {
  readonly pid: number;
  /** What it has written to stdout and stderr. */
  readonly logFile: string;
  /** Ends it with SIGTERM, after ten seconds with SIGKILL; resolves when it is gone. */
  stop(): Promise<void>;
  /** Ends it without a chance to tidy up. */
  kill(): Promise<void>;
  /** Resolves when it has ended, with its exit code; undefined when a signal ended it. */
  readonly ended: Promise<number | undefined>;
}

export interface DaemonOptions {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Open descriptors that it gets as its own, from 3 on. */
  readonly fds?: readonly number[];
  /** Its log is `<dir>/<name>.log`, appended to. */
  readonly dir: string;
  /** Asked until it says yes; the daemon counts as started then. */
  readonly ready: () => Promise<boolean>;
  readonly readyWithinMs?: number;
  /** How often it is asked. */
  readonly everyMs?: number;
}

/** Starts a program in a process group of its own, so that an interrupt of the terminal reaches only its starter. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { name, argv, dir } = options;
  const logFile = join(dir, `${name}.log`);
  const log = openSync(logFile, 'a');
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    env: options.env ?? process.env,
    detached: true,
    stdio: ['ignore', log, log, ...(options.fds ?? [])],
  });
  closeSync(log);
  const ended = new Promise<number | undefined>((resolve) => {
    child.once('exit', (code) => resolve(code ?? undefined));
    child.once('error', () => resolve(undefined));
  });
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    const overdue = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(overdue);
  };
  try {
    const ready = async (): Promise<boolean> => {
      if (gone(child)) throw new Error(`${name} ended at once: ${lastLines(logFile)}`);
      return options.ready();
    };
    await until(`${name} is ready`, options.readyWithinMs ?? 30_000, ready, options.everyMs);
  } catch (error) {
    if (!gone(child)) await end('SIGKILL');
    throw error;
  }
  return { pid: child.pid ?? 0, logFile, stop: () => end('SIGTERM'), kill: () => end('SIGKILL'), ended };
}

function gone(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** Polls until the condition holds; rejects with what was waited for when the time is up. */
export async function until(
  what: string,
  withinMs: number,
  holds: () => Promise<boolean>,
  everyMs = 50,
): Promise<void> {
  const limit = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > limit) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(everyMs);
  }
}

/** True when something accepts connections there: a unix socket's path, or a port of 127.0.0.1. */
export function answers(address: string | number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof address === 'string' ? connect(address) : connect(address, '127.0.0.1');
    const done = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

/** The end of a log, for the message of a failure. */
export function lastLines(path: string, count = 15): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
}
