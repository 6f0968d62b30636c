import type { CgroupReading } from '../../model/cgroup-values';
import { mountInfo } from '../mount/mount-info';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import { type CgroupLayout, cgroupLayout } from './cgroup-layout';

/** How cgroups are mounted on this host; it does not change while the host runs. */
export async function readCgroupLayout(): Promise<CgroupLayout> {
  return cgroupLayout(await mountInfo());
}

/**
 * What a cgroup has used, and when that was read, by the name that a pod's `cgroup_parent` or a container's `cgroupsPath`
 * gives it; undefined when it is gone. The usage of a parent includes its children's. `root` is where the host's filesystem
 * begins, for tests. Rejects with a DeadlineError when the kernel takes too long to add them up.
 */
export async function readCgroup(
  name: string,
  layout: CgroupLayout,
  root = '/',
  means: Means = hostMeans(),
): Promise<CgroupReading | undefined> {
  return kernelCall(means, 'readCgroup', { name, layout, root }, { subject: name });
}

/**
 * Pids of the processes in a cgroup and in those below it, by the same name; none when it is gone. Rejects with a
 * DeadlineError when the kernel takes too long.
 */
export async function cgroupProcesses(
  name: string,
  layout: CgroupLayout,
  root = '/',
  means: Means = hostMeans(),
): Promise<number[]> {
  return kernelCall(means, 'cgroupProcesses', { name, layout, root }, { subject: name });
}
