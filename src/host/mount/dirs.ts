import { statSync } from 'node:fs';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from '../../base/errors';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import { isWithin, mountsIn } from './mount-info';
import { unmount } from './mounts';
import { placeBelow } from './tree-calls';

/** Makes a directory and those above it with exactly this mode, whatever the umask; one that exists keeps its mode. */
export async function makeDir(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined) return;
  if ((statSync(path).mode & 0o777) === mode) return; // one that was just made is looked up without the disk
  for (let at = resolve(path); isWithin(at, resolve(first)); at = dirname(at)) await chmod(at, mode);
}

/** Names in a directory; none when there is no such directory. */
export async function entries(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
}

/**
 * Unmounts what is mounted at or below `path` (lazily), then removes it and what it holds. Idempotent. `root` is the
 * directory it must lie in, with symbolic links resolved: a broken id must not delete something else. Nothing is deleted
 * while anything is still mounted below: that could be a volume of the user's. Rejects with a DeadlineError when that takes
 * too long; it goes on nevertheless, and a repetition waits for the same removal.
 */
export async function removeTree(path: string, root: string, means: Means = hostMeans()): Promise<void> {
  if (means.syscalls === undefined) await unmountAllIn(path, root, means);
  await kernelCall(means, 'removeTree', { path, root }, { subject: path });
}

/** By tool all is unmounted beforehand; by system call it is quicker to try at each directory than to read all mounts. */
async function unmountAllIn(path: string, root: string, means: Means): Promise<void> {
  const dir = placeBelow(path, root);
  if (dir === undefined) return;
  const mounted = await mountsIn(dir);
  for (const mountPoint of mounted) await unmount(mountPoint, { lazy: true }, means);
  const [left] = mounted.length > 0 ? await mountsIn(dir) : [];
  if (left !== undefined) throw new Error(`refusing to remove what is below "${dir}": "${left}" is still mounted`);
}
