import { join } from 'node:path';
import { errnoOf } from '../base/errors';
import type { Mount } from '../model/mount';
import { isMountPoint } from './mount-info';
import {
  fittingMount,
  MS_BIND,
  MS_RDONLY,
  MS_REMOUNT,
  parseOptions,
  readonlyMount,
  withoutIdMaps,
} from './mount-options';
import { runOk } from './run';
import { hostMeans, type Means, type Syscalls } from './syscalls';

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
/** Mounts stacked on one point; more is a bug, not a reason to loop for ever. */
const MAX_STACKED = 32;

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
 * be written through it. When one fails, those already mounted are taken away again.
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
 * path, is `false`. By system call it is synchronous: quick for a tmpfs, a bind mount, a namespace and what is mounted read-only.
 * `lazy` also takes what is in use: it is gone from the tree at once, and freed with its last user.
 */
export async function unmount(
  path: string,
  options: { lazy?: boolean } = {},
  means: Means = hostMeans(),
): Promise<boolean> {
  let found = false;
  for (let round = 0; round < MAX_STACKED; round++) {
    if (!(await unmountOnce(path, options.lazy === true, means))) return found;
    found = true;
  }
  throw new Error(`unmount "${path}": still mounted after ${MAX_STACKED} rounds`);
}

async function unmountOnce(path: string, lazy: boolean, means: Means): Promise<boolean> {
  if (means.syscalls === undefined) {
    if (!(await isMountPoint(path))) return false;
    await runOk(['umount', '--no-canonicalize', ...(lazy ? ['--lazy'] : []), '--', path]);
    return true;
  }
  try {
    means.syscalls.umount(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0));
    return true;
  } catch (error) {
    // EINVAL is also what a path that is no mount point gets.
    if (['EINVAL', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** Mounts what a snapshotter described at `target`, by system call or tool. */
export async function mountOne(mount: Mount, target: string, means: Means): Promise<void> {
  const { mount: fitting, cwd } = fittingMount(mount);
  if (means.syscalls === undefined) return mountByTool(fitting, target, cwd);
  // Nobody else uses relative paths, and nothing else of ours runs before the directory is restored.
  const before = process.cwd();
  if (cwd !== undefined) process.chdir(cwd);
  try {
    mountByCall(means.syscalls, fitting, target);
  } finally {
    if (cwd !== undefined) process.chdir(before);
  }
}

function mountByCall(syscalls: Syscalls, mount: Mount, target: string): void {
  const { flags, propagation, data } = parseOptions(mount.options);
  const call = { source: mount.source, target, type: mount.type, flags, data };
  syscalls.mount(call);
  // The kernel ignores every flag of a bind mount but MS_REC; a remount sets them.
  const toRemount = (flags & MS_BIND) !== 0 && (flags & MS_RDONLY) !== 0;
  if (toRemount) syscalls.mount({ ...call, flags: flags | MS_REMOUNT, data: '' });
  if (propagation !== 0) syscalls.mount({ source: '', target, type: '', flags: propagation, data: '' });
}

async function mountByTool(mount: Mount, target: string, cwd?: string): Promise<void> {
  const options = mount.options.length > 0 ? ['-o', mount.options.join(',')] : [];
  const type = mount.type === 'bind' ? [] : ['-t', mount.type];
  await runOk(['mount', '--no-canonicalize', ...type, ...options, '--', mount.source, target], { cwd });
}
