import { lstatSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../base/errors';
import { runOk } from '../process/run';
import { hostMeans, type Means, type Syscalls } from '../syscall/syscalls';

/**
 * Only root and the shim, which is root too, open them. They lie in containerd's state directory, a tmpfs: looking for one
 * and making it are answered at once, on the calling thread.
 */
const MODE = 0o600;

/**
 * Makes FIFOs and the directories they lie in (0700). One that is there already is kept: after a restart a shim may hold
 * it. Anything else at a path is an error.
 */
export async function makeFifos(paths: readonly string[], means: Means = hostMeans()): Promise<void> {
  const missing = paths.filter((path) => !isFifo(path));
  if (missing.length === 0) return;
  const { syscalls } = means;
  if (syscalls !== undefined && missing.every((path) => madeFifo(syscalls, path))) return;
  const dirs = new Set(missing.map((path) => dirname(path)));
  await Promise.all([...dirs].map((dir) => mkdir(dir, { recursive: true, mode: 0o700 })));
  if (syscalls === undefined) await runOk(['mkfifo', '-m', MODE.toString(8), '--', ...missing]);
  else for (const path of missing.filter((each) => !isFifo(each))) syscalls.mkfifo(path, MODE);
}

/** False when there is no directory for it. */
function madeFifo(syscalls: Syscalls, path: string): boolean {
  try {
    syscalls.mkfifo(path, MODE);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Whether there is one; throws when there is something else. */
function isFifo(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFIFO()) throw new Error(`"${path}" is there and is no FIFO`);
  return found !== undefined;
}
