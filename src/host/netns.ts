import { mkdir, open, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../base/errors';
import { inNetns, setLoopbackUp } from './in-netns';
import { MS_BIND } from './mount-options';
import { unmount } from './mounts';
import { runOk } from './run';
import { hostMeans, type Means } from './syscalls';

/** The filesystem behind /proc/PID/ns/*, and so behind a pinned namespace. */
const NSFS_MAGIC = 0x6e736673;

/** Where a sandbox's network namespace is pinned: `cni-` and a uuid made of the first 32 hex digits of its id. */
export function netnsPath(dir: string, sandboxId: string): string {
  const digits = sandboxId.slice(0, 32).padEnd(32, '0');
  const parts = [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)];
  return join(dir, `cni-${parts.join('-')}`);
}

/**
 * Pins a new network namespace, with its loopback up, at `path`: it lives until `removeNetns`, also without a process.
 * Fails when there is something at `path`, and leaves nothing behind when it fails later.
 */
export async function createNetns(path: string, means: Means = hostMeans()): Promise<void> {
  await makeMountPoint(path);
  try {
    const { syscalls } = means;
    if (syscalls === undefined) {
      await runOk(['unshare', `--net=${path}`, '--', 'ip', 'link', 'set', 'lo', 'up']);
      return;
    }
    inNetns(syscalls, 'new', () => {
      setLoopbackUp(syscalls);
      syscalls.mount({ source: '/proc/thread-self/ns/net', target: path, type: 'none', flags: MS_BIND, data: '' });
    });
  } catch (error) {
    await removeNetns(path, means).catch(() => undefined);
    throw error;
  }
}

/** An empty file for a namespace to be mounted on; its directory is made (0755, as `ip netns` has it). */
export async function makeMountPoint(path: string): Promise<void> {
  const file = await open(path, 'wx', 0o444).catch(async (error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    return open(path, 'wx', 0o444);
  });
  await file.close();
}

/** Unpins a namespace and removes its file. Idempotent; answers whether there was one. It ends with its last user. */
export async function removeNetns(path: string, means: Means = hostMeans()): Promise<boolean> {
  const mounted = await unmount(path, { lazy: true }, means);
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return mounted;
    throw error;
  }
}

/** True when a namespace is pinned at `path`; an empty file left by a reboot is none. */
export async function isNetns(path: string): Promise<boolean> {
  try {
    return (await statfs(path)).type === NSFS_MAGIC;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/** Sets the loopback of a pinned network namespace up. Idempotent. */
export async function bringLoopbackUp(path: string, means: Means = hostMeans()): Promise<void> {
  const { syscalls } = means;
  if (syscalls !== undefined) inNetns(syscalls, { path }, () => setLoopbackUp(syscalls));
  else await runOk(['nsenter', `--net=${path}`, '--', 'ip', 'link', 'set', 'lo', 'up']);
}
