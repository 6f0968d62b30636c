import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupValues } from '../model/cgroup-values';
import { type CgroupLayout, cgroupLayout } from './cgroup-layout';
import { cgroupPathOf } from './cgroup-path';
import { CgroupDir } from './cgroup-text';
import { readCgroupV1 } from './cgroup-v1';
import { readCgroupV2 } from './cgroup-v2';
import { mountInfo } from './mount-info';

/** How cgroups are mounted on this host; it does not change while the host runs. */
export async function readCgroupLayout(): Promise<CgroupLayout> {
  return cgroupLayout(await mountInfo());
}

/**
 * What a cgroup has used, by the name that a pod's `cgroup_parent` or a container's `cgroupsPath` gives it; undefined when
 * it is gone. The usage of a parent includes its children's. `root` is where the host's filesystem begins, for tests.
 */
export async function readCgroupValues(
  name: string,
  layout: CgroupLayout,
  root = '/',
): Promise<CgroupValues | undefined> {
  const path = cgroupPathOf(name);
  const below = (mount: string): CgroupDir => new CgroupDir(join(root, mount, path));
  if (layout.version === 2) {
    const dir = below(layout.mount);
    return isThere(dir) ? readCgroupV2(dir) : undefined;
  }
  const dirs = new Map([...layout.mounts].map(([controller, mount]) => [controller, below(mount)]));
  return [...dirs.values()].some(isThere) ? readCgroupV1((controller) => dirs.get(controller)) : undefined;
}

function isThere(dir: CgroupDir): boolean {
  return statSync(dir.path, { throwIfNoEntry: false })?.isDirectory() === true;
}
