import { opendirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors';
import { statusField } from './proc';

/** A container's statistics are of so many of its processes; the counters of its cgroup are of all. */
export const MOST_PROCESSES = 10_000;
/**
 * Descriptors are told apart up to so many of a container: it takes 2 µs for each, and a process may have a million. What is
 * beyond is not counted.
 */
export const MOST_DESCRIPTORS = 100_000;

/** What /proc says of a set of processes. */
export interface ProcessCounts {
  readonly processes: bigint;
  readonly threads: bigint;
  readonly fileDescriptors: bigint;
  readonly sockets: bigint;
  /** Soft limits of the first one, by cAdvisor's names; absent when it is gone. What is not limited has no entry. */
  readonly ulimits?: { name: string; soft: bigint }[];
}

interface Counts {
  processes: number;
  threads: number;
  fileDescriptors: number;
  sockets: number;
}

/** As `processCounts` in process-values.ts; blocks the thread until the kernel has told everything. */
export function processCountsNow(pids: readonly number[], procRoot: string): ProcessCounts {
  const counts: Counts = { processes: 0, threads: 0, fileDescriptors: 0, sockets: 0 };
  const [first] = pids;
  const ulimits =
    first === undefined
      ? undefined
      : unlessGone(() => parseUlimits(readFileSync(join(procRoot, String(first), 'limits'), 'utf8')));
  for (const pid of pids.slice(0, MOST_PROCESSES)) unlessGone(() => add(counts, join(procRoot, String(pid))));
  return {
    processes: BigInt(counts.processes),
    threads: BigInt(counts.threads),
    fileDescriptors: BigInt(counts.fileDescriptors),
    sockets: BigInt(counts.sockets),
    ulimits,
  };
}

/** Adds what one process holds; nothing when it ends while it is looked at. */
function add(counts: Counts, dir: string): void {
  const status = readFileSync(join(dir, 'status'), 'utf8');
  const descriptors = descriptorsOf(join(dir, 'fd'), MOST_DESCRIPTORS - counts.fileDescriptors);
  counts.processes++;
  counts.threads += Number(statusField(status, 'Threads') ?? 1);
  counts.fileDescriptors += descriptors.length;
  for (const path of descriptors) {
    // A descriptor may be closed between the listing and this; that says nothing about the process.
    if (unlessGone(() => readlinkSync(path))?.startsWith('socket:')) counts.sockets++;
  }
}

function descriptorsOf(dir: string, most: number): string[] {
  const paths: string[] = [];
  const listing = opendirSync(dir);
  try {
    while (paths.length < most) {
      const entry = listing.readSync();
      if (entry === null) break;
      paths.push(join(dir, entry.name));
    }
  } finally {
    listing.closeSync();
  }
  return paths;
}

/**
 * Soft limits in the text of /proc/PID/limits, by cAdvisor's names: of all limits it tells that of open files alone, to
 * which container_file_descriptors is compared. Unlimited and what is not understood is left out.
 */
export function parseUlimits(text: string): { name: string; soft: bigint }[] {
  const soft = /^Max open files\s+(\d+)\s/m.exec(text)?.[1];
  return soft === undefined ? [] : [{ name: 'max_open_files', soft: BigInt(soft) }];
}

/** ESRCH: the process ended after its file in /proc had been opened. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
