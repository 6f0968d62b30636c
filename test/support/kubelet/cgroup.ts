import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MOUNT = '/sys/fs/cgroup';

/** Folders that a cgroup has one folder below each of: one on v2, one per hierarchy on v1. */
function hierarchies(): string[] {
  if (existsSync(join(MOUNT, 'cgroup.controllers'))) return [MOUNT];
  return readdirSync(MOUNT).map((name) => join(MOUNT, name));
}

/** Makes a cgroup for a kubelet, which wants its root to be there. On v1, cpuset takes no process before it is filled in. */
export function makeCgroup(cgroup: string): void {
  for (const top of hierarchies()) {
    const path = join(top, cgroup);
    mkdirSync(path, { recursive: true });
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      if (existsSync(join(path, file))) writeFileSync(join(path, file), readFileSync(join(top, file)));
  }
}

/** Afterwards the cgroup and those in it are gone. No process may be in any of them. */
export function removeCgroup(cgroup: string): void {
  for (const top of hierarchies()) removeTree(join(top, cgroup));
}

/** The folders of a cgroup that are there, deepest last. */
export function foldersOf(cgroup: string): string[] {
  return hierarchies()
    .map((top) => join(top, cgroup))
    .filter((path) => existsSync(path));
}

/** What a file of a cgroup says, in the first hierarchy that has it; undefined when none has. */
export function readCgroupFile(cgroup: string, file: string): string | undefined {
  const path = foldersOf(cgroup)
    .map((folder) => join(folder, file))
    .find((candidate) => existsSync(candidate));
  return path === undefined ? undefined : readFileSync(path, 'utf8').trim();
}

function removeTree(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  rmdirSync(path);
}
