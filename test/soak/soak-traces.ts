import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../src/base/errors';
import type { CriClient } from '../../src/client/cri-client';
import type { Leftovers } from '../support/daemon/leftovers';
import { shimSockets } from '../support/daemon/shim-sockets';
import { openFiles } from '../support/node/crisp-process';
import type { SoakNode } from './soak-node';

/** Whatever pods, containers and pulls may leave: what other tests look at, and more. */
export interface SoakTraces extends Leftovers {
  /** What crisp lists. */
  readonly listedPods: readonly string[];
  readonly listedContainers: readonly string[];
  readonly cgroups: readonly string[];
  readonly shimSockets: readonly string[];
  readonly images: readonly string[];
  readonly content: readonly string[];
  /** Folders that containerd has for tasks and sandboxes. */
  readonly bundles: readonly string[];
  /** Files below crisp's folders that nothing else here is about. */
  readonly files: readonly string[];
  /** What crisp and crisp-stdio have open below the node's folder. */
  readonly openFiles: readonly string[];
}

/** What is there now. What has become of the cgroups of pods that were removed is tried first. */
export function tracesOf(soak: SoakNode, listed: Pick<SoakTraces, 'listedPods' | 'listedContainers'>): SoakTraces {
  const { node, ids } = soak;
  const { containerd } = node;
  soak.removePodCgroups();
  const common = node.traces();
  return {
    ...common,
    // With those of images: a pull that was removed leaves none.
    snapshots: rows(containerd.ctr('snapshots', 'list')),
    ...listed,
    cgroups: soak.podCgroups(),
    shimSockets: shimSockets(containerd.address, ids),
    images: rows(containerd.ctr('images', 'list', '--quiet')),
    content: rows(containerd.ctr('content', 'list', '--quiet')),
    bundles: bundles(containerd.state),
    files: filesOf(soak, common),
    openFiles: openBelow(soak),
  };
}

/** What crisp lists now. */
export async function listedBy({ runtime }: CriClient): Promise<Pick<SoakTraces, 'listedPods' | 'listedContainers'>> {
  const { items } = await runtime.listPodSandbox({ filter: undefined });
  const { containers } = await runtime.listContainers({ filter: undefined });
  return { listedPods: items.map(({ id }) => id), listedContainers: containers.map(({ id }) => id) };
}

function bundles(state: string): string[] {
  return ['io.containerd.runtime.v2.task', 'io.containerd.sandbox.controller.v1.shim']
    .map((name) => join(state, name, 'k8s.io'))
    .flatMap((folder) => entries(folder).map((name) => join(folder, name)));
}

function filesOf({ node }: SoakNode, { directories }: Leftovers): string[] {
  const { crisp, containerd } = node;
  const cri = [containerd.root, containerd.state].map((base) => join(base, 'io.containerd.grpc.v1.cri'));
  const counted = new Set([...directories, crisp.netnsDir, crisp.journalDir, crisp.stdioNotesDir]);
  return [dirname(crisp.configFile), ...cri].flatMap((folder) => below(folder, counted));
}

function below(folder: string, without: ReadonlySet<string>): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (without.has(path)) return [];
      return entry.isDirectory() ? [path, ...below(path, without)] : [path];
    });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []; // it may go at any moment
    throw error;
  }
}

/** Logs, FIFOs and files of records, also those that have been deleted; crisp's own journals and sockets are always open. */
function openBelow({ node }: SoakNode): string[] {
  const pids = { crisp: node.crisp.daemon.pid, 'crisp-stdio': node.crisp.stdioPid() };
  return Object.entries(pids).flatMap(([name, pid]) =>
    pid === undefined
      ? []
      : openFiles(pid).flatMap((path) => (path.startsWith(`${node.dir}/`) ? [`${name}: ${path}`] : [])),
  );
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not every release has it
  }
}

function rows(text: string): string[] {
  return text
    .split('\n')
    .map((row) => row.trim())
    .filter(Boolean);
}
