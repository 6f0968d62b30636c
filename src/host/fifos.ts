import { lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../base/errors';
import { runOk } from './run';
import { hostMeans, type Means } from './syscalls';

/** Only root and the shim, which is root too, open them. */
const MODE = 0o600;

/**
 * Makes FIFOs and the directories they lie in (0700). One that is there already is kept: after a restart a shim may hold
 * it. Anything else at a path is an error.
 */
export async function makeFifos(paths: readonly string[], means: Means = hostMeans()): Promise<void> {
  const dirs = new Set(paths.map((path) => dirname(path)));
  await Promise.all([...dirs].map((dir) => mkdir(dir, { recursive: true, mode: 0o700 })));
  const missing: string[] = [];
  for (const path of paths) if (!(await isFifo(path))) missing.push(path);
  const { syscalls } = means;
  if (missing.length === 0) return;
  if (syscalls !== undefined) for (const path of missing) syscalls.mkfifo(path, MODE);
  else await runOk(['mkfifo', '-m', MODE.toString(8), '--', ...missing]);
}

async function isFifo(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found !== undefined && !found.isFIFO()) throw new Error(`"${path}" is there and is no FIFO`);
  return found !== undefined;
}
