import type { Mount } from '../../model/mount';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import { unmount } from './mounts';

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
  if (!means.syscalls) throw new Error(`ids of mounts cannot be shifted without system calls: ${means.reason}`);
  const late = (): void => void unmount(target, { lazy: true }, means).catch(() => undefined);
  await kernelCall(means, 'mountShifted', { mounts, target, usernsPath }, { subject: target, late });
}
