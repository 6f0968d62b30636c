import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { shimPids } from '../support/daemon/leftovers';
import { beginOf, contentOf } from '../support/daemon/pod-processes';
import type { TestNode } from '../support/node/node';
import type { NamedPod, StartPod } from './start-pods';

/** Everything on the machine and in containerd that pods need, a line each. */
export type World = ReadonlySet<string>;

/** Looks at the whole world, past the proxy and past crisp. */
export function worldOf(node: TestNode, pods: readonly StartPod[]): World {
  const { shims, processes, ...traces } = node.traces();
  const lines = Object.entries(traces).flatMap(([kind, list]) => list.map((what) => `${kind}: ${what}`));
  const pids = [...shimPids(node.containerd.address), ...tasksOf(node).map(({ pid }) => pid)];
  lines.push(...pids.map((pid) => `process: ${processLine(pid)}`));
  lines.push(...tasksOf(node).map(({ id, pid, status }) => `task: ${id} ${pid} ${status}`));
  lines.push(
    ...entriesOf(node.crisp.netnsDir).map((name) => `netns: ${name} is ${inodeOf(join(node.crisp.netnsDir, name))}`),
  );
  for (const { pod } of pods) lines.push(...filesOfPod(node, pod.id));
  return new Set(lines);
}

/** What was there and is not any more. */
export function missing(before: World, now: World): string[] {
  return [...before].filter((line) => !now.has(line));
}

/** Replaces ids by the roles that they have, so that a row reads the same on every node. */
export function withRoles(text: string, pods: readonly NamedPod[]): string {
  let out = text;
  for (const { pod, role, containers } of pods) {
    for (const { id, role: of } of containers) out = out.replaceAll(id, of);
    out = out.replaceAll(pod.id, role);
  }
  return out;
}

/** When the process began tells it from another that has its pid. */
function processLine(pid: number): string {
  return `${pid} ${contentOf(`/proc/${pid}/comm`).trim()} since ${beginOf(pid)}`;
}

function tasksOf(node: TestNode): { id: string; pid: number; status: string }[] {
  const rows = node.containerd.ctr('tasks', 'list').split('\n').slice(1).filter(Boolean);
  return rows.map((row) => {
    const [id = '', pid = '0', status = ''] = row.split(/\s+/);
    return { id, pid: Number(pid), status };
  });
}

/** Files that containers have mounted, by their bytes. */
function filesOfPod(node: TestNode, id: string): string[] {
  return node.crisp.recordDirs.flatMap((folder) => {
    const dir = join(folder, id);
    return ['hosts', 'hostname', 'resolv.conf'].flatMap((name) => {
      const path = join(dir, name);
      if (!existsSync(path)) return [];
      const { ino } = statSync(path);
      return [`file: ${path} ${ino} ${createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 8)}`];
    });
  });
}

function entriesOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function inodeOf(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}
