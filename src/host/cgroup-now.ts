import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupValues } from '../model/cgroup-values';
import type { CgroupLayout } from './cgroup-layout';
import { cgroupPathOf } from './cgroup-path';
import { CgroupDir } from './cgroup-text';
import { readCgroupV1 } from './cgroup-v1';
import { readCgroupV2 } from './cgroup-v2';

/** As `readCgroupValues` in cgroup-files.ts; blocks the thread until the kernel has told everything. */
export function cgroupValuesNow(name: string, layout: CgroupLayout, root: string): CgroupValues | undefined {
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
