import { mkdir, open, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../base/errors';
import { unmount } from '../mount/mounts';
import { runOk } from '../process/run';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';

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
 * Fails when there is something at `path`, and leaves nothing behind when it fails later: a DeadlineError when the kernel
 * holds it up, as it does while many other network namespaces end.
 */
export async function createNetns(path: string, means: Means = hostMeans()): Promise<void> {
  await makeMountPoint(path);
  try {
    if (means.syscalls === undefined) {
      await runOk(['unshare', `--net=${path}`, '--', 'ip', 'link', 'set', 'lo', 'up']);
      return;
    }
    const late = (): void => void removeNetns(path, means).catch(() => undefined);
    await kernelCall(means, 'pin', [{ kind: 'net', path }], { subject: path, late });
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

/**
 * True when a namespace is pinned at `path`; an empty file left by a reboot is none. On Node's own file threads: the
 * directory is a tmpfs, and the kernel answers for a namespace without any lock.
 */
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
  if (means.syscalls !== undefined) await kernelCall(means, 'loopbackUp', path, { subject: path });
  else await runOk(['nsenter', `--net=${path}`, '--', 'ip', 'link', 'set', 'lo', 'up']);
}
