import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupReading, CgroupValues } from '../../model/cgroup-values';
import { MOST_PROCESSES } from '../process/process-counts';
import type { CgroupLayout } from './cgroup-layout';
import { cgroupPathOf } from './cgroup-path';
import { CgroupDir } from './cgroup-text';
import { readCgroupV1 } from './cgroup-v1';
import { readCgroupV2 } from './cgroup-v2';

/** Controllers of v1 whose tree is asked for the processes of a cgroup, the first one that has it. */
const TREES_WITH_PROCESSES = ['pids', 'memory', 'cpuacct', 'cpu', 'blkio'];

/** systemd in a container makes some hundred; a container that makes more is not to hold up the statistics of others. */
const MOST_CGROUPS = 1000;

/** As `readCgroup` in cgroup-files.ts; blocks the thread until the kernel has told everything. */
export function readCgroupNow(name: string, layout: CgroupLayout, root: string): CgroupReading | undefined {
  const dirs = dirsOf(name, layout, root);
  if (dirs instanceof CgroupDir) return isThere(dirs) ? timed(() => readCgroupV2(dirs)) : undefined;
  if (![...dirs.values()].some(isThere)) return undefined;
  return timed(() => readCgroupV1((controller) => dirs.get(controller)));
}

/** As `cgroupProcesses` in cgroup-files.ts; blocks the thread until the kernel has told everything. */
export function cgroupProcessesNow(name: string, layout: CgroupLayout, root: string): number[] {
  const dirs = dirsOf(name, layout, root);
  if (dirs instanceof CgroupDir) return processesBelow(dirs);
  const tree = TREES_WITH_PROCESSES.map((controller) => dirs.get(controller)).find((dir) => dir && isThere(dir));
  return tree ? processesBelow(tree) : [];
}

/** The cgroup in the one tree of v2, or in the trees of v1 by controller. */
function dirsOf(name: string, layout: CgroupLayout, root: string): CgroupDir | ReadonlyMap<string, CgroupDir> {
  const path = cgroupPathOf(name);
  const below = (mount: string): CgroupDir => new CgroupDir(join(root, mount, path));
  if (layout.version === 2) return below(layout.mount);
  return new Map([...layout.mounts].map(([controller, mount]) => [controller, below(mount)]));
}

/** Both versions read the CPU time first: what is computed from two readings is mostly its rate. */
function timed(read: () => CgroupValues): CgroupReading {
  const readAt = process.hrtime.bigint();
  return { readAt, values: read() };
}

/** A container may make cgroups of its own and move its processes there. */
function processesBelow(top: CgroupDir): number[] {
  const dirs = [top];
  const pids: number[] = [];
  // The list grows while it is walked.
  for (const dir of dirs) {
    const own = (dir.text('cgroup.procs') ?? '').split('\n').filter(Boolean).map(Number);
    pids.push(...own.slice(0, MOST_PROCESSES - pids.length));
    if (pids.length >= MOST_PROCESSES) break;
    dirs.push(...dir.children(MOST_CGROUPS - dirs.length));
  }
  return pids;
}

function isThere(dir: CgroupDir): boolean {
  return statSync(dir.path, { throwIfNoEntry: false })?.isDirectory() === true;
}
