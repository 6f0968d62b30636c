import { closeSync, mkdirSync, openSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors';
import type { Mount } from '../../model/mount';
import type { Syscalls } from '../syscall/syscalls';
import {
  commonDir,
  fittingMount,
  MS_BIND,
  MS_RDONLY,
  MS_REMOUNT,
  optionValue,
  parseOptions,
  readonlyMount,
  splitLowerDirs,
  withoutIdMaps,
} from './mount-options';

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
/** Mounts stacked on one point; more is a bug, not a reason to loop for ever. */
export const MAX_STACKED = 32;

/** Mounts what a snapshotter described at `target`, with every flag that its options name. */
export function mountByCall(syscalls: Syscalls, mount: Mount, target: string): void {
  const { mount: fitting, cwd } = fittingMount(mount);
  if (cwd === undefined) {
    mountFitting(syscalls, fitting, target);
    return;
  }
  // Nothing else on this thread uses relative paths.
  const before = process.cwd();
  syscalls.chdir(cwd);
  try {
    mountFitting(syscalls, fitting, target);
  } finally {
    syscalls.chdir(before);
  }
}

function mountFitting(syscalls: Syscalls, mount: Mount, target: string): void {
  const { flags, propagation, data } = parseOptions(mount.options);
  const call = { source: mount.source, target, type: mount.type, flags, data };
  syscalls.mount(call);
  // The kernel ignores every flag of a bind mount but MS_REC; a remount sets them.
  const toRemount = (flags & MS_BIND) !== 0 && (flags & MS_RDONLY) !== 0;
  if (toRemount) syscalls.mount({ ...call, flags: flags | MS_REMOUNT, data: '' });
  if (propagation !== 0) syscalls.mount({ source: '', target, type: '', flags: propagation, data: '' });
}

/** Unmounts everything mounted at `path`; answers whether there was something. As `unmount` in mounts.ts. */
export function unmountByCall(syscalls: Syscalls, path: string, lazy: boolean): boolean {
  for (let found = false, round = 0; round < MAX_STACKED; round++) {
    if (!unmountOnceByCall(syscalls, path, lazy)) return found;
    found = true;
  }
  throw new Error(`unmount "${path}": still mounted after ${MAX_STACKED} rounds`);
}

/** Takes the topmost mount away from `path`; false when there is none, and when there is no such path. */
export function unmountOnceByCall(syscalls: Syscalls, path: string, lazy: boolean): boolean {
  try {
    syscalls.umount(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0));
    return true;
  } catch (error) {
    // EINVAL is also what a path that is no mount point gets.
    if (['EINVAL', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** As `mountShifted` in shifted-mounts.ts. */
export function mountShiftedByCall(
  syscalls: Syscalls,
  { mounts, target, usernsPath }: { mounts: readonly Mount[]; target: string; usernsPath: string },
): void {
  const userns = openSync(usernsPath, 'r');
  try {
    for (const mount of mounts) {
      mountOneShifted({ syscalls, userns }, readonlyMount(withoutIdMaps(mount)), join(target, mount.target));
    }
  } catch (error) {
    quietly(() => unmountByCall(syscalls, target, true));
    throw error;
  } finally {
    closeSync(userns);
  }
}

interface By {
  readonly syscalls: Syscalls;
  readonly userns: number;
}

function mountOneShifted(by: By, mount: Mount, target: string): void {
  if (mount.type !== 'overlay') {
    shiftedCopy(by, mount.source, target);
    return;
  }
  const layers = splitLowerDirs(optionValue(mount.options, 'lowerdir') ?? '');
  const above = commonDir(layers);
  // Beside the target, so that what a crash leaves is removed with it.
  const shifted = `${target}.layers`;
  mkdirSync(shifted, { recursive: true, mode: 0o700 });
  try {
    shiftedCopy(by, above, shifted);
    const lower = layers.map((dir) => join(shifted, dir.slice(above.length))).join(':');
    const options = mount.options.map((option) => (option.startsWith('lowerdir=') ? `lowerdir=${lower}` : option));
    mountByCall(by.syscalls, { ...mount, options }, target);
  } finally {
    // The overlay has copies of its own.
    quietly(() => unmountByCall(by.syscalls, shifted, true));
    quietly(() => rmdirSync(shifted));
  }
}

/** Shows the directory `source` at `target`, with shifted ids. What is mounted below it is not. */
function shiftedCopy({ syscalls, userns }: By, source: string, target: string): void {
  const copy = syscalls.cloneMount(source);
  try {
    syscalls.shiftMount(copy, userns);
    syscalls.moveMount(copy, target);
  } finally {
    closeSync(copy);
  }
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // What is mounted still is found again by those who remove the directory.
  }
}
