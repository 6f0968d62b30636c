import { isSame, isShim, type Kill, killAtOnce, lookAt, type Process } from './stray-processes';

/** Where to look for the shim of a task. */
export interface SoughtShim {
  /** Ids of what it may have been started for: the task, its pod, the pod whose shim it shares. */
  readonly ids: readonly string[];
  /** Its pid, where that is known: a shim that was started for a container which is gone is named after that. */
  readonly pid?: number;
}

/** A process, so that a signal reaches no other: a pid is given out again. */
export type ProcessId = Pick<Process, 'pid' | 'startTime'>;

/** The shim of a task and what runs under it, at one moment. */
export interface ShimTree {
  readonly shim: ProcessId;
  /**
   * The OCI runtime's calls about the task that the shim waits for, each with what it has started. While one hangs, the
   * shim reports no exit of any task in it: containerd's runc shim holds the lock of that process until the call returns.
   */
  readonly calls: readonly ProcessId[];
  /** Pids of the shim's other children: the first processes of containers, and what these have left to it. */
  readonly others: readonly number[];
}

/** Looks for the shim of the task `id`; undefined when it has none that runs. */
export async function shimTree(id: string, sought: SoughtShim, procRoot = '/proc'): Promise<ShimTree | undefined> {
  const processes = await lookAt(procRoot);
  const ids = [id, ...sought.ids];
  const shim = processes.find(
    ({ pid, args }) => isShim(args) && (pid === sought.pid || ids.some((each) => args.includes(each))),
  );
  if (!shim) return undefined;
  const children = processes.filter(({ parent }) => parent === shim.pid);
  // The OCI runtime runs where its shim does, and is told the task's id; what runs in a container is elsewhere.
  const isCall = ({ args, cgroups }: Process): boolean => cgroups === shim.cgroups && args.includes(id);
  const others = children.filter((child) => !isCall(child)).map(({ pid }) => pid);
  return { shim, calls: withDescendants(children.filter(isCall), processes), others };
}

/** Sends SIGKILL to each process whose pid has not been reused. Answers the pids that it was sent to. */
export async function killProcesses(
  processes: readonly ProcessId[],
  procRoot = '/proc',
  kill: Kill = killAtOnce,
): Promise<number[]> {
  const killed: number[] = [];
  for (const process of processes) {
    if (!(await isSame(process, procRoot))) continue;
    try {
      kill(process.pid);
      killed.push(process.pid);
    } catch {
      // It has ended by itself.
    }
  }
  return killed;
}

/** These processes and all that they have started, each once. */
function withDescendants(roots: readonly Process[], processes: readonly Process[]): Process[] {
  const found = new Map(roots.map((root) => [root.pid, root]));
  const children = new Map<number, Process[]>();
  for (const process of processes) {
    const siblings = children.get(process.parent ?? 0);
    if (siblings) siblings.push(process);
    else if (process.parent !== undefined) children.set(process.parent, [process]);
  }
  // A map tells also what is added to it meanwhile.
  for (const pid of found.keys()) for (const child of children.get(pid) ?? []) found.set(child.pid, child);
  return [...found.values()];
}
