import type { Readable } from 'node:stream';
import { sleep } from '../../base/wait/backoff';

const POLL_MS = 2;

/** What a program is started with. */
export interface Program {
  /** Its name is looked for along PATH. */
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** All that it can read from standard input. */
  readonly input: string | Buffer;
}

/** How a program ended: by itself with a code, or by a signal. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that runs in a session of its own, or is about to. */
export interface Running {
  /** Null when there were no free descriptors: then `ended` rejects. */
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Settles when the program has ended and all its output is read; rejects when it could not be started. */
  readonly ended: Promise<End>;
  /** Kills the program and all it started, and lets go of them; nothing settles afterwards. */
  abandon(): void;
  /** Resolves when nothing runs any more of a program that was abandoned, or after `ms`. Never rejects. */
  gone(ms: number): Promise<void>;
}

/** Starts a program; throws when there are no descriptors for it, or what is wrong with it is known at once. */
export type StartProgram = (program: Program) => Running;

/** Kills a program and what it started, unless they have just ended. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/**
 * Resolves when a killed program and all it started have ended, or after `ms`: a call of the kernel that was under way comes
 * to its end first. `started` resolves with the program's pid, which is that of its group.
 */
export async function untilGroupGone(started: Promise<number | undefined>, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  let isGone = (): boolean => false;
  const know = (pid: number | undefined): void => {
    isGone = () => pid === undefined || !isThere(pid);
  };
  started.then(know, () => know(undefined));
  while (!isGone() && performance.now() < deadline) await sleep(POLL_MS);
}

function isThere(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}
