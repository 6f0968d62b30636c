import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseParent } from './proc';

/** A process may fork while we look: then we look again. */
const ROUNDS = 5;

type Kill = (pid: number) => void;

const killAtOnce: Kill = (pid) => process.kill(pid, 'SIGKILL');

/**
 * Kills every process whose cgroup's path names the task: when a shim dies, what runs in other PID namespaces than that of
 * its pause process may live on, and nobody else can end it. Answers how many were told to end.
 */
export function killStrays(id: string, procRoot = '/proc', kill = killAtOnce): Promise<number> {
  return killInRounds(() => pidsOf(id, procRoot), kill);
}

/**
 * Kills what still works at a task that containerd has given up, or was left waiting by that: the shim's start, a shim that
 * has no other task's processes, and `runtime` (the OCI runtime's program) creating the container. What is deleting the
 * task may end in peace. Answers how many were told to end.
 */
export function killMakers(id: string, runtime: string, procRoot = '/proc', kill = killAtOnce): Promise<number> {
  return killInRounds(async () => {
    const processes = await lookAt(procRoot);
    const makers = processes.filter((process) => makes(process, id, runtime));
    return makers.filter((maker) => !servesOthers(maker, processes, id)).map(({ pid }) => pid);
  }, kill);
}

async function killInRounds(find: () => Promise<number[]>, kill: Kill): Promise<number> {
  const killed = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const found = (await find()).filter((pid) => !killed.has(pid));
    if (found.length === 0) break;
    for (const pid of found) {
      killed.add(pid);
      try {
        kill(pid);
      } catch {
        // It has ended by itself.
      }
    }
  }
  return killed.size;
}

interface Process {
  readonly pid: number;
  readonly parent: number | undefined;
  readonly args: readonly string[];
  readonly cgroups: string;
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

async function lookAt(procRoot: string): Promise<Process[]> {
  const found = await Promise.all(
    (await pids(procRoot)).map(async (pid) => {
      const [args = '', cgroups = '', stat] = await Promise.all(
        ['cmdline', 'cgroup', 'stat'].map((name) => read(procRoot, pid, name)),
      );
      const parent = stat === undefined ? undefined : parseParent(stat);
      return { pid: Number(pid), parent, args: args.split('\0').slice(0, -1), cgroups };
    }),
  );
  return found;
}

async function pidsOf(id: string, procRoot: string): Promise<number[]> {
  const ours = await Promise.all(
    (await pids(procRoot)).map(async (pid) => {
      const cgroups = (await read(procRoot, pid, 'cgroup')) ?? '';
      return cgroups.includes(id) ? [Number(pid)] : [];
    }),
  );
  return ours.flat();
}

async function pids(procRoot: string): Promise<string[]> {
  return (await readdir(procRoot)).filter((name) => /^\d+$/.test(name));
}

/** Undefined when the process has ended. */
function read(procRoot: string, pid: string, name: string): Promise<string | undefined> {
  return readFile(join(procRoot, pid, name), 'utf8').catch(() => undefined);
}
