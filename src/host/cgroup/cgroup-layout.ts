import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MountEntry } from '../mount/mount-info';

/** Where cgroups are mounted: all controllers in one tree (v2), or each in a tree of its own (v1). */
export type CgroupLayout =
  | { readonly version: 2; readonly mount: string }
  | { readonly version: 1; readonly mounts: ReadonlyMap<string, string> };

const CGROUP_ROOT = '/sys/fs/cgroup';

/** Every v1 controller a kernel may know; other options of such a mount (`xattr`, `name=systemd`) are none. */
const V1_CONTROLLERS: ReadonlySet<string> = new Set(
  'cpu cpuacct cpuset memory devices freezer net_cls net_prio blkio perf_event pids hugetlb rdma misc debug'.split(' '),
);

/**
 * How cgroups are mounted here. Only a cgroup2 at /sys/fs/cgroup itself makes a v2 host: beside v1 an empty cgroup2 may be
 * mounted elsewhere (`unified`), which has no controllers.
 */
export function cgroupLayout(mounts: readonly MountEntry[]): CgroupLayout {
  const v1 = mounts.filter(({ type }) => type === 'cgroup');
  const top = mounts.filter(({ mountPoint }) => mountPoint === CGROUP_ROOT).at(-1);
  if (top?.type === 'cgroup2') return { version: 2, mount: CGROUP_ROOT };
  const found = new Map<string, string>();
  for (const { superOptions, mountPoint } of v1) {
    for (const name of superOptions) if (V1_CONTROLLERS.has(name)) found.set(name, mountPoint);
  }
  const other = mounts.find(({ type }) => type === 'cgroup2');
  return found.size === 0 && other ? { version: 2, mount: other.mountPoint } : { version: 1, mounts: found };
}

/** Names of the controllers at hand, as v1 or v2 names them. */
export async function controllersOf(layout: CgroupLayout, root = '/'): Promise<Set<string>> {
  if (layout.version === 1) return new Set(layout.mounts.keys());
  const list = await readFile(join(root, layout.mount, 'cgroup.controllers'), 'utf8').catch(() => '');
  return new Set(list.trim().split(' ').filter(Boolean));
}
