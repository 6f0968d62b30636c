import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import { parseStartTime } from './proc';

/** A process may fork while we look: then we look again. */
const ROUNDS = 5;

export type Kill = (pid: number) => void;

/** Sends SIGKILL; throws when there is no such process. */
export const killAtOnce: Kill = (pid) => process.kill(pid, 'SIGKILL');

/** What /proc shows of a task, whatever containerd says about it. */
export interface TaskProcesses {
  /** Pids of the processes whose cgroup names the task. What only ends is left out, and what an OCI runtime only creates it with. */
  readonly pids: readonly number[];
  /** A shim that lives has the task: it is the parent of one of these processes, or was started for the task or its pod. */
  readonly shim: boolean;
}

/** All processes of this host at one moment, by the tasks that they belong to. */
export interface ProcessTable {
  /**
   * What runs of the task `id`. `shimIds`: what else its shim may have been started for (its pod). The cgroup's path names
   * the task under both cgroup drivers, and whatever the pod's parent cgroup is.
   */
  of(id: string, shimIds?: readonly string[]): TaskProcesses;
}

/** Looks at every process once. */
export async function processTable(procRoot = '/proc'): Promise<ProcessTable> {
  const processes = await lookAt(procRoot);
  const shims = processes.filter(({ args }) => isShim(args));
  return {
    of: (id, shimIds = []) => {
      const own = processes.filter(({ cgroups, args }) => cgroups.includes(id) && !isOnlyCreating(args, id));
      const ids = [id, ...shimIds];
      const shim = shims.some(
        ({ pid, args }) => own.some(({ parent }) => parent === pid) || ids.some((each) => args.includes(each)),
      );
      return { pids: own.map(({ pid }) => pid), shim };
    },
  };
}

/**
 * Kills every process whose cgroup's path names the task: when a shim dies, what runs in other PID namespaces than that of
 * its pause process may live on, and nobody else can end it. Answers the pids of those that were told to end.
 */
export function killStrays(id: string, procRoot = '/proc', kill = killAtOnce): Promise<number[]> {
  return killInRounds(
    async () => (await lookAt(procRoot)).filter(({ cgroups }) => cgroups.includes(id)),
    procRoot,
    kill,
  );
}

/**
 * Kills what still works at a task that containerd has given up, or was left waiting by that: the shim's start, a shim that
 * has no other task's processes, and `runtime` (the OCI runtime's program) creating the container. What is deleting the
 * task may end in peace. Answers the pids of those that were told to end.
 */
export function killMakers(id: string, runtime: string, procRoot = '/proc', kill = killAtOnce): Promise<number[]> {
  const find = async (): Promise<Process[]> => {
    const processes = await lookAt(procRoot);
    const makers = processes.filter((process) => makes(process, id, runtime));
    return makers.filter((maker) => !servesOthers(maker, processes, id));
  };
  return killInRounds(find, procRoot, kill);
}

async function killInRounds(find: () => Promise<Process[]>, procRoot: string, kill: Kill): Promise<number[]> {
  const killed = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const found = (await find()).filter(({ pid }) => !killed.has(pid));
    if (found.length === 0) break;
    for (const process of found) {
      // A pid is given out again: with its start time it names one process only.
      if (!(await isSame(process, procRoot))) continue;
      killed.add(process.pid);
      try {
        kill(process.pid);
      } catch {
        // It has ended by itself.
      }
    }
  }
  return [...killed];
}

/** A process as a look at /proc found it. */
export interface Process {
  readonly pid: number;
  readonly parent: number | undefined;
  readonly startTime: bigint | undefined;
  readonly args: readonly string[];
  readonly cgroups: string;
}

/** Whether the pid is still that of the process that began then: a pid is given out again. */
export async function isSame(
  { pid, startTime }: Pick<Process, 'pid' | 'startTime'>,
  procRoot: string,
): Promise<boolean> {
  const stat = await read(procRoot, String(pid), 'stat');
  return stat !== undefined && parseStartTime(stat) === startTime;
}

/** containerd starts every shim with these flags, however its program is called. What starts or deletes for one is none. */
export function isShim(args: readonly string[]): boolean {
  if (args.at(-1) === 'start' || args.at(-1) === 'delete') return false;
  if (basename(args[0] ?? '').startsWith('containerd-shim')) return true;
  return ['-namespace', '-id', '-address'].every((flag) => args.includes(flag));
}

/** `runc init` waits to become the container's program; crun and youki do so under the name of their `create`. */
function isOnlyCreating(args: readonly string[], id: string): boolean {
  if (args.length === 2 && args[1] === 'init' && basename(args[0] ?? '').startsWith('runc')) return true;
  return args.includes('create') && args.at(-1) === id;
}

/** containerd names the task to a shim as `-id ID`, a shim to the OCI runtime as the last argument of `create`. */
function makes({ args }: Process, id: string, runtime: string): boolean {
  if (!args.includes(id)) return false;
  const program = basename(args[0] ?? '');
  if (program.startsWith('containerd-shim')) return args.at(-1) !== 'delete';
  return program === basename(runtime) && args.includes('create') && args.at(-1) === id;
}

/** A shim is the parent of its tasks' processes. One that another runtime is just making is not yet any task's. */
function servesOthers(maker: Process, processes: readonly Process[], id: string): boolean {
  return processes.some(
    ({ parent, args, cgroups }) =>
      parent === maker.pid && !args.includes(id) && !cgroups.includes(id) && args.length > 0 && args[1] !== 'init',
  );
}

/**
 * All processes that run; those that only end, zombies among them, are left out. Of a process with more than 4 KiB of arguments,
 * which is no shim and no OCI runtime, only the program is told.
 */
export async function lookAt(procRoot: string, means: Means = hostMeans()): Promise<Process[]> {
  const found = await kernelCall(means, 'processes', procRoot, { subject: procRoot });
  const args = new Map<number, readonly string[]>();
  const argsOf = (place: number): readonly string[] => {
    const known = args.get(place) ?? (found.texts[place] ?? '').split('\0').slice(0, -1);
    args.set(place, known);
    return known;
  };
  return Array.from(found.pids, (pid, at): Process => {
    const [parent = -1, startTime = -1n] = [found.parents[at], found.startTimes[at]];
    return {
      pid,
      parent: parent < 0 ? undefined : parent,
      startTime: startTime < 0n ? undefined : startTime,
      args: argsOf(found.args[at] ?? -1),
      cgroups: found.texts[found.cgroups[at] ?? -1] ?? '',
    };
  });
}

/** Undefined when the process has ended. */
function read(procRoot: string, pid: string, name: string): Promise<string | undefined> {
  return readFile(join(procRoot, pid, name), 'utf8').catch(() => undefined);
}
