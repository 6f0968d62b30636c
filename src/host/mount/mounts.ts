import { join } from 'node:path';
import type { Mount } from '../../model/mount';
import { runOk } from '../process/run';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import { MAX_STACKED } from './mount-calls';
import { isMountPoint } from './mount-info';
import { fittingMount, readonlyMount, withoutIdMaps } from './mount-options';

/** Mounts a tmpfs. `path` must exist. */
export async function mountTmpfs(
  path: string,
  options: { sizeBytes: number; mode: number; options?: readonly string[]; source?: string },
  means: Means = hostMeans(),
): Promise<void> {
  const data = [`mode=${options.mode.toString(8)}`, `size=${options.sizeBytes}`];
  const mount = {
    type: 'tmpfs',
    source: options.source ?? 'tmpfs',
    target: '',
    options: [...(options.options ?? []), ...data],
  };
  await mountOne(mount, path, means);
}

/** Shows `source` at `target` too; both must exist. */
export async function bindMount(
  source: string,
  target: string,
  options: { readonly?: boolean; recursive?: boolean } = {},
  means: Means = hostMeans(),
): Promise<void> {
  const flags = [options.recursive ? 'rbind' : 'bind', ...(options.readonly ? ['ro'] : [])];
  await mountOne({ type: 'bind', source, target: '', options: flags }, target, means);
}

/**
 * Mounts what a snapshotter described at `target`, one on the other in order. With `readonly` nothing of the snapshot can
 * be written through it. When one fails, those already mounted are unmounted again.
 */
export async function mountAll(
  mounts: readonly Mount[],
  target: string,
  options: { readonly: boolean },
  means: Means = hostMeans(),
): Promise<void> {
  const done: string[] = [];
  try {
    for (const mount of mounts) {
      const plain = withoutIdMaps(mount);
      const path = join(target, mount.target);
      await mountOne(options.readonly ? readonlyMount(plain) : plain, path, means);
      done.push(path);
    }
  } catch (error) {
    for (const path of done.reverse()) await unmountOnce(path, true, means).catch(() => undefined);
    throw error;
  }
}

/**
 * Unmounts everything mounted at `path`, and answers whether there was something. Idempotent: nothing mounted, or no such
 * path, is `false`. `lazy` also takes what is in use: it is gone from the tree at once, and freed with its last user.
 * Rejects with a DeadlineError when the kernel holds it up (a dead NFS server); a repetition then waits for the same call.
 */
export async function unmount(
  path: string,
  options: { lazy?: boolean } = {},
  means: Means = hostMeans(),
): Promise<boolean> {
  const lazy = options.lazy === true;
  if (means.syscalls) return kernelCall(means, 'unmount', { path, lazy }, { subject: path });
  for (let found = false, round = 0; round < MAX_STACKED; round++) {
    if (!(await unmountByTool(path, lazy))) return found;
    found = true;
  }
  throw new Error(`unmount "${path}": still mounted after ${MAX_STACKED} rounds`);
}

async function unmountOnce(path: string, lazy: boolean, means: Means): Promise<void> {
  if (means.syscalls) await kernelCall(means, 'unmountOnce', { path, lazy }, { subject: path });
  else await unmountByTool(path, lazy);
}

async function unmountByTool(path: string, lazy: boolean): Promise<boolean> {
  if (!(await isMountPoint(path))) return false;
  await runOk(['umount', '--no-canonicalize', ...(lazy ? ['--lazy'] : []), '--', path]);
  return true;
}

/**
 * Mounts what a snapshotter described at `target`, by system call or tool. Rejects with a DeadlineError when the kernel
 * holds it up; what is mounted after that is unmounted again.
 */
export async function mountOne(mount: Mount, target: string, means: Means): Promise<void> {
  if (!means.syscalls) return mountByTool(mount, target);
  const late = (): void => void unmountOnce(target, true, means).catch(() => undefined);
  await kernelCall(means, 'mount', { mount, target }, { subject: target, late: (output) => output && late() });
}

async function mountByTool(given: Mount, target: string): Promise<void> {
  const { mount, cwd } = fittingMount(given);
  const options = mount.options.length > 0 ? ['-o', mount.options.join(',')] : [];
  const type = mount.type === 'bind' ? [] : ['-t', mount.type];
  await runOk(['mount', '--no-canonicalize', ...type, ...options, '--', mount.source, target], { cwd });
}
