import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { errnoOf } from '../../../src/base/errors';
import { SHIM_SOCKETS } from '../../../src/host/process/shim-sockets';

import type { PodNetwork } from './cni';
import type { Containerd } from './containerd';
import { rulesOfNetwork } from './iptables';
import { processesOfPods, runtimeStates } from './pod-processes';
import { isFirst } from './releases';

/** Processes that were told to end get this long. */
const LEAVING_MS = 5000;
/** Nothing else is left, as `describeLeftovers` tells it. */
const ENDING = /^\d+ \((?:, |\d+ (?:shims|processes|runtimeStates))+\)$/;

/** What is on the machine and in containerd because of pods, by kind; each list is empty when every pod is gone. */
export interface Leftovers {
  readonly shims: string[];
  readonly mounts: string[];
  readonly netns: string[];
  readonly veths: string[];
  readonly addresses: string[];
  readonly cniResults: string[];
  readonly iptablesRules: string[];
  readonly containers: string[];
  readonly tasks: string[];
  readonly snapshots: string[];
  readonly leases: string[];
  /** Downloads that were begun. */
  readonly ingests: string[];
  readonly sandboxRecords: string[];
  readonly directories: string[];
  readonly fifos: string[];
  readonly journals: string[];
  readonly stdioNotes: string[];
  /** Containers' own, and those of plugins and OCI runtimes that work for them. */
  readonly processes: string[];
  /** What the OCI runtime remembers. */
  readonly runtimeStates: string[];
}

export interface LeftoverPlaces {
  readonly containerd: Pick<Containerd, 'address' | 'ctr' | 'programs'>;
  readonly network: PodNetwork;
  /** Folders that mounts of pods lie below (the test's own one). */
  readonly dir: string;
  /** Folder that network namespaces are pinned in. */
  readonly netnsDir: string;
  /** Folders with an entry for each sandbox or container. */
  readonly recordDirs: readonly string[];
  /** Folder with a journal file for each pod. */
  readonly journalDir?: string;
  /** Folder with a note for each container whose stdio is open. */
  readonly stdioNotesDir?: string;
}

/** Looks at everything that pods leave when they are not removed well. Needs containerd running. */
export function leftovers(places: LeftoverPlaces): Leftovers {
  const { containerd, network } = places;
  const records = places.recordDirs.flatMap((folder) => entries(folder).map((name) => join(folder, name)));
  return {
    shims: shimPids(containerd.address).map(String),
    mounts: mountsBelow(places.dir),
    netns: entries(places.netnsDir),
    veths: links(network.bridge),
    addresses: entries(join(network.leaseDir, network.name)).filter((name) => /^\d+\./.test(name)),
    cniResults: entries(join(network.cacheDir, 'results')),
    iptablesRules: rulesOfNetwork(network.name),
    containers: words(containerd.ctr('containers', 'list', '--quiet')),
    tasks: words(containerd.ctr('tasks', 'list', '--quiet')),
    snapshots: rows(containerd.ctr('snapshots', 'list')).filter((row) => !row.endsWith('Committed')),
    leases: words(containerd.ctr('leases', 'list', '--quiet')),
    ingests: rows(containerd.ctr('content', 'active')),
    sandboxRecords: isFirst(containerd.programs.version) ? [] : rows(containerd.ctr('sandboxes', 'list')),
    directories: records,
    fifos: records.flatMap((folder) => fifosBelow(folder)),
    journals: places.journalDir ? entries(places.journalDir) : [],
    stdioNotes: places.stdioNotesDir ? entries(places.stdioNotesDir) : [],
    processes: processesOfPods(places.dir),
    runtimeStates: runtimeStates(places.dir),
  };
}

/** How many things are left, and of which kinds; `0` when nothing is. */
export function describeLeftovers(left: Leftovers): string {
  const kinds = Object.entries(left).filter(([, list]) => list.length > 0);
  const total = kinds.reduce((sum, [, list]) => sum + list.length, 0);
  return total === 0 ? '0' : `${total} (${kinds.map(([kind, list]) => `${list.length} ${kind}`).join(', ')})`;
}

/** What is left, as a node tells it, once processes that were told to end have had their time for that; `0` when nothing. */
export async function leftBehind(node: { left(): string }): Promise<string> {
  let left = node.left();
  // A shim ends by itself, a moment after its last task.
  for (const deadline = Date.now() + LEAVING_MS; ENDING.test(left) && Date.now() < deadline; ) {
    await pause(100);
    left = node.left();
  }
  return left;
}

/** The shim that was started for a pod. */
export function shimOf(address: string, podId: string): number {
  const found = shimPids(address).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(podId));
  if (found === undefined) throw new Error(`pod ${podId} has no shim`);
  return found;
}

/** Processes that serve tasks of the containerd at this socket. */
export function shimPids(address: string): number[] {
  const isOurs = (pid: string) => {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return (argv[0] ?? '').includes('containerd-shim') && argv.includes(address);
    } catch {
      return false; // it has ended meanwhile
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter(isOurs)
    .map(Number);
}

/**
 * Sockets of shims at which nobody listens, by their paths. Their names do not tell whose they are, and every containerd of the
 * machine has its shims' there.
 */
export function deadShimSockets(): string[] {
  const bound = new Set(words(readFileSync('/proc/net/unix', 'utf8')));
  return entries(SHIM_SOCKETS)
    .map((name) => join(SHIM_SOCKETS, name))
    .filter((path) => !bound.has(path));
}

/** Mount points below a folder, deepest first. */
export function mountsBelow(dir: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${dir}/`)).reverse();
}

/** FIFOs of containers and of commands in them: below `io` of a container's directory. */
function fifosBelow(folder: string): string[] {
  return entries(join(folder, 'io'))
    .map((name) => join(folder, 'io', name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isFIFO());
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []; // it may go at any moment
    throw error;
  }
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}

function rows(table: string): string[] {
  return table
    .split('\n')
    .slice(1)
    .map((row) => row.trim())
    .filter(Boolean);
}

function links(bridge: string): string[] {
  return entries(`/sys/class/net/${bridge}/brif`);
}
