import { chmod, mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf } from '../base/errors';
import { isWithin, mountInfo, mountsBelow } from './mount-info';
import { unmount } from './mounts';
import { hostMeans, type Means } from './syscalls';

/** Makes a directory and those above it with exactly this mode, whatever the umask; one that exists keeps its mode. */
export async function makeDir(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined) return;
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
 * while anything is still mounted below: that could be a volume of the user's.
 */
export async function removeTree(path: string, root: string, means: Means = hostMeans()): Promise<void> {
  const real = await realPathOf(path);
  if (real === undefined) return;
  const realRoot = await realpath(root);
  if (real === realRoot || !isWithin(real, realRoot))
    throw new Error(`refusing to remove "${path}": not below "${root}"`);
  for (const mountPoint of mountsBelow(await mountInfo(), real)) await unmount(mountPoint, { lazy: true }, means);
  const left = mountsBelow(await mountInfo(), real);
  if (left.length > 0) throw new Error(`refusing to remove "${path}": "${left[0]}" is still mounted`);
  await rm(real, { recursive: true, force: true });
}

/** The last component itself is not followed: a link is removed, not its target. Undefined: no such directory. */
async function realPathOf(path: string): Promise<string | undefined> {
  const full = resolve(path);
  try {
    return join(await realpath(dirname(full)), basename(full));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
