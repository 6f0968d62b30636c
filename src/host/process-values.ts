import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors';
import { Limit } from '../base/limit';
import { statusField } from './proc';

/** Every entry of /proc costs a system call on Node's few threads, which all file work shares. */
const AT_ONCE = 4;

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
  threads: number;
  fileDescriptors: number;
  sockets: number;
}

/**
 * Counts what these processes hold. One that has ended meanwhile is left out, also when it ends while it is looked at.
 * Rejects when the kernel does not let us look at one that runs. `procRoot` is for tests.
 */
export async function processCounts(pids: readonly number[], procRoot = '/proc'): Promise<ProcessCounts> {
  const limit = new Limit(AT_ONCE);
  const [ulimits, ...all] = await Promise.all([
    pids[0] === undefined ? undefined : unlessGone(ulimitsOf(join(procRoot, String(pids[0])))),
    ...pids.map((pid) => limit.run(() => unlessGone(countsOf(join(procRoot, String(pid)))))),
  ]);
  const alive = all.filter((counts) => counts !== undefined);
  const sum = (of: (counts: Counts) => number): bigint =>
    BigInt(alive.reduce((total, counts) => total + of(counts), 0));
  return {
    processes: BigInt(alive.length),
    threads: sum((counts) => counts.threads),
    fileDescriptors: sum((counts) => counts.fileDescriptors),
    sockets: sum((counts) => counts.sockets),
    ulimits,
  };
}

/**
 * Soft limits in the text of /proc/PID/limits, by cAdvisor's names: of all limits it tells that of open files alone, to
 * which container_file_descriptors is compared. Unlimited and what is not understood is left out.
 */
export function parseUlimits(text: string): { name: string; soft: bigint }[] {
  const soft = /^Max open files\s+(\d+)\s/m.exec(text)?.[1];
  return soft === undefined ? [] : [{ name: 'max_open_files', soft: BigInt(soft) }];
}

async function ulimitsOf(dir: string): Promise<{ name: string; soft: bigint }[]> {
  return parseUlimits(await readFile(join(dir, 'limits'), 'utf8'));
}

async function countsOf(dir: string): Promise<Counts> {
  const status = await readFile(join(dir, 'status'), 'utf8');
  const fds = await readdir(join(dir, 'fd'));
  const counts = { threads: Number(statusField(status, 'Threads') ?? 1), fileDescriptors: fds.length, sockets: 0 };
  for (const fd of fds) {
    // A descriptor may be closed between the listing and this; that says nothing about the process.
    const target = await unlessGone(readlink(join(dir, 'fd', fd)));
    if (target?.startsWith('socket:')) counts.sockets++;
  }
  return counts;
}

/** ESRCH: the process ended after its file in /proc had been opened. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch((error: unknown) => {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  });
}
