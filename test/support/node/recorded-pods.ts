import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

import type { JsonMessages } from '../../../generated/cri/v1/json-fields';
import { parseJson } from '../../../src/base/json/json';
import { fromGoJson } from '../../../src/state/go-json';
import { checkout } from '../daemon/places';
import { until } from '../daemon/process';
import type { Mask } from '../record/compare';
import { printable } from '../record/print';
import { apiRecords, diskRecords } from '../record/snapshot';
import type { Roles, Written } from '../record/view';
import type { TestNode } from './node';
import { exitOf, type Pod, runContainer } from './pods';

/** The inputs' own paths, and where they lie for one node. */
function moved(node: TestNode): [string, string][] {
  return [
    ['/tmp/crisp-record', join(node.dir, 'record')],
    ['/var/log/pods', join(node.dir, 'logs')],
    ['/crisp-record', `/${cgroupOf(node)}`],
  ];
}

/** The parent cgroup of the node's recorded pods. */
export function cgroupOf(node: TestNode): string {
  return `crisp-record-${node.dir.split('-').at(-1)}`;
}

/** Reads an input as the CRI message it is; paths of the machine are moved below the node's folder. */
export function input<Name extends 'PodSandboxConfig' | 'ContainerConfig'>(
  node: TestNode,
  message: Name,
  name: string,
): JsonMessages[Name] {
  const path = join(checkout(), 'test/fixtures/plugin-records/inputs', `${name}.json`);
  const text = moved(node).reduce((before, [from, to]) => before.replaceAll(from, to), readFileSync(path, 'utf8'));
  return fromGoJson(message, parseJson(text), { envs: 'string' });
}

/** Runs the pods that the samples were recorded with. */
export async function runRecordedPods(node: TestNode): Promise<Roles> {
  const shared = join(node.dir, 'record/shared');
  for (const folder of ['config', 'shared']) mkdirSync(join(node.dir, 'record', folder), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'crisp-record', shared]);
  execFileSync('mount', ['--make-shared', shared]);
  const run = async (name: string): Promise<Pod> => {
    const config = input(node, 'PodSandboxConfig', name);
    const { podSandboxId } = await node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' });
    return { id: podSandboxId, config };
  };
  const web = await run('pod');
  const agent = await run('pod-host');
  const container = (pod: Pod, name: string): Promise<string> =>
    runContainer(node, pod, input(node, 'ContainerConfig', name));
  const ids = {
    web: web.id,
    agent: agent.id,
    app: await container(web, 'container'),
    plain: await container(web, 'container-plain'),
    tty: await container(web, 'container-tty'),
    privileged: await container(agent, 'container-privileged'),
  };
  await exitOf(node, ids.tty);
  await until('the task of the ended container is deleted', 10_000, async () => {
    return !node.containerd.ctr('tasks', 'list', '--quiet').includes(ids.tty);
  });
  return ids;
}

/** Everything that was written for the pods, in the samples' shape. */
export async function writtenFor(node: TestNode, ids: Roles): Promise<Written> {
  const records = printable(await apiRecords(node.containerd)) as Omit<Written, 'ids' | 'disk' | 'cni-cache'>;
  const disk = diskRecords(node.containerd) as Written['disk'];
  const results = join(node.network.cacheDir, 'results');
  const cache = readdirSync(results).map((name) => [name, readFileSync(join(results, name), 'utf8')]);
  return { ...records, ids, disk, 'cni-cache': Object.fromEntries(cache) };
}

/** The node's own folders, called as on a real machine: what the samples have. */
export function nodeMasks(node: TestNode): Mask[] {
  const { dir } = node;
  const places: [string, string][] = [
    ...moved(node).map(([from, to]): [string, string] => [to, from]),
    [join(dir, 'containerd/root'), '/var/lib/containerd'],
    [join(dir, 'containerd/state'), '/run/containerd'],
  ];
  return places.map(([from, to]) => [new RegExp(from, 'g'), to]);
}

/** Afterwards the mounts and cgroups that the recorded pods were given are gone; the pods must be. */
export function removeRecordedPlaces(node: TestNode): void {
  execFileSync('umount', [join(node.dir, 'record/shared')]);
  const tops = ['', ...readdirSync('/sys/fs/cgroup')].map((top) => join('/sys/fs/cgroup', top, cgroupOf(node)));
  for (const top of tops.filter((path) => existsSync(path))) {
    for (const entry of readdirSync(top, { withFileTypes: true }))
      if (entry.isDirectory()) rmdirSync(join(top, entry.name));
    rmdirSync(top);
  }
}
