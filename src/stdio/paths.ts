import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The arguments of the process that has the stdio of containers. */
export function stdioArguments(dir: string, how: { containerd: string; replace: boolean }): string[] {
  return ['--dir', dir, '--containerd', how.containerd, ...(how.replace ? ['--replace'] : [])];
}

/** Its socket. */
export const stdioSocket = (dir: string): string => join(dir, 'sock');

/** The lock that it holds while it has the stdio of containers. */
export const stdioLock = (dir: string): string => join(dir, 'lock');

/** Where it notes what is open. */
export const notesDir = (dir: string): string => join(dir, 'open');

/** A name for a program that no other build of it has. */
export function programBuild(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
}
