import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { cleanEnv } from './run';

export interface DetachedOptions {
  /** What it says goes to the journal when ours does, else into this file, which is begun anew. */
  readonly logFile: string;
  /** It could not be started, or has ended; not heard of what happens after we have ended ourselves. */
  readonly onEnd: (why: string) => void;
}

/**
 * Starts a program that outlives us: in a session of its own, with no descriptor of ours but what it may say. Where systemd
 * runs us it stays in our unit's cgroup, so the unit needs KillMode=process.
 */
export function spawnDetached(argv: readonly [string, ...string[]], { logFile, onEnd }: DetachedOptions): void {
  const [program, ...args] = argv;
  const journal = process.env.JOURNAL_STREAM;
  const output = journal === undefined ? openSync(logFile, 'w', 0o600) : 'inherit';
  try {
    const env = cleanEnv(journal === undefined ? {} : { JOURNAL_STREAM: journal });
    const child = spawn(program, args, { cwd: '/', env, detached: true, stdio: ['ignore', output, output] });
    child.on('error', (error) => onEnd(error.message));
    child.on('exit', (code, signal) => onEnd(signal ?? `exit code ${code}`));
    child.unref();
  } finally {
    if (typeof output === 'number') closeSync(output);
  }
}
