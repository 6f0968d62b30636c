import { statSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, realpath, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf } from '../base/errors';
import { isWithin, mountsIn } from './mount-info';
import { unmount } from './mounts';
import { hostMeans, type Means } from './syscalls';

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
 * while anything is still mounted below: that could be a volume of the user's.
 */
export async function removeTree(path: string, root: string, means: Means = hostMeans()): Promise<void> {
  const real = await realPathOf(path);
  if (real === undefined) return;
  const realRoot = await realpath(root);
  if (real === realRoot || !isWithin(real, realRoot))
    throw new Error(`refusing to remove "${path}": not below "${root}"`);
  if (means.syscalls === undefined) await unmountAllIn(real, means);
  await unlessAbsent(async () =>
    (await lstat(real)).isDirectory() ? removeDir(real, means) : removeFile(real, means),
  );
}

async function unmountAllIn(dir: string, means: Means): Promise<void> {
  const mounted = await mountsIn(dir);
  for (const mountPoint of mounted) await unmount(mountPoint, { lazy: true }, means);
  const [left] = mounted.length > 0 ? await mountsIn(dir) : [];
  if (left !== undefined) throw new Error(`refusing to remove what is below "${dir}": "${left}" is still mounted`);
}

/** Whatever is mounted on a directory is taken away before anybody looks into it. */
async function removeDir(dir: string, means: Means): Promise<void> {
  await detach(dir, means);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    await unlessAbsent(() => (entry.isDirectory() ? removeDir(path, means) : removeFile(path, means)));
  }
  await rmdir(dir);
}

async function removeFile(path: string, means: Means): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY') throw error; // something is mounted on it
    await detach(path, means);
    await unlink(path);
  }
}

/** By system call it is quicker to try than to read what all is mounted on the machine; by tool all is unmounted already. */
async function detach(path: string, means: Means): Promise<void> {
  if (means.syscalls !== undefined) await unmount(path, { lazy: true }, means);
}

async function unlessAbsent(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
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
