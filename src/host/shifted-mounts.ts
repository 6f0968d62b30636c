import { closeSync, openSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount } from '../model/mount';
import { commonDir, optionValue, readonlyMount, splitLowerDirs, withoutIdMaps } from './mount-options';
import { mountOne, unmount } from './mounts';
import { hostMeans, type Means, type Syscalls } from './syscalls';

/**
 * Mounts what a snapshotter described at `target`, read-only and with its ids shifted into a user namespace (a path below
 * /proc or one that is pinned): what belongs to root on disk belongs to that namespace's root. An overlay cannot be
 * shifted itself, its layers can (Linux 5.19). Nothing stays mounted when it fails.
 */
export async function mountShifted(
  mounts: readonly Mount[],
  target: string,
  usernsPath: string,
  means: Means = hostMeans(),
): Promise<void> {
  const { syscalls } = means;
  if (!syscalls) throw new Error(`ids of mounts cannot be shifted without system calls: ${means.reason}`);
  const userns = openSync(usernsPath, 'r');
  try {
    for (const mount of mounts) {
      await mountOneShifted({ syscalls, userns }, readonlyMount(withoutIdMaps(mount)), join(target, mount.target));
    }
  } catch (error) {
    await unmount(target, { lazy: true }, means).catch(() => undefined);
    throw error;
  } finally {
    closeSync(userns);
  }
}

interface By {
  readonly syscalls: Syscalls;
  readonly userns: number;
}

async function mountOneShifted(by: By, mount: Mount, target: string): Promise<void> {
  if (mount.type !== 'overlay') return shiftedCopy(by, mount.source, target);
  const layers = splitLowerDirs(optionValue(mount.options, 'lowerdir') ?? '');
  const above = commonDir(layers);
  // Beside the target, so that what a crash leaves is taken away with it.
  const shifted = `${target}.layers`;
  await mkdir(shifted, { recursive: true, mode: 0o700 });
  try {
    shiftedCopy(by, above, shifted);
    const lower = layers.map((dir) => join(shifted, dir.slice(above.length))).join(':');
    const options = mount.options.map((option) => (option.startsWith('lowerdir=') ? `lowerdir=${lower}` : option));
    await mountOne({ ...mount, options }, target, by);
  } finally {
    // The overlay has copies of its own.
    await unmount(shifted, { lazy: true }, by).catch(() => undefined);
    await rmdir(shifted).catch(() => undefined);
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
