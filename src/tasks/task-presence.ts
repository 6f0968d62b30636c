import { errorMessage } from '../base/errors';
import type { Host } from '../host/machine';
import type { ProcessTable } from '../host/process/stray-processes';
import type { Container } from '../model/container';
import type { Sandbox } from '../model/sandbox';
import type { LifecycleDeps } from './deps';

/** A shim that hangs must not hold up the answer about everything else. In milliseconds. */
const TIMEOUT_MS = 10_000;

/** What contradicts containerd where processes are in a virtual machine: less than processes that are seen. */
export const VM_SHIM_RUNS = 'the shim of its virtual machine runs';

/** A task, and where to look for it besides containerd. */
export interface SoughtTask {
  readonly id: string;
  /** The pods whose shim it may be in. */
  readonly shimIds: readonly string[];
  /** Its processes are processes of this host; those of a virtual machine are not. */
  readonly hostProcesses: boolean;
}

type Deps = Pick<LifecycleDeps, 'containerd'> & { readonly host: Pick<Host, 'processTable'> };

/** Where the task of a container would be. */
export function taskOfContainer(
  { handlers, sandboxes }: Pick<LifecycleDeps, 'handlers' | 'sandboxes'>,
  { metadata: { id, sandboxId } }: Container,
): SoughtTask {
  const pod = sandboxes.get(sandboxId);
  const { hostProcesses } = handlers.ofPod(pod?.metadata.runtimeHandler);
  return { id, shimIds: pod?.shimGroup ? [sandboxId, pod.shimGroup] : [sandboxId], hostProcesses };
}

/** Where the pause task of a pod would be. */
export function pauseTaskOf(
  { handlers }: Pick<LifecycleDeps, 'handlers'>,
  { metadata: { id, runtimeHandler }, shimGroup }: Sandbox,
): SoughtTask {
  const { hostProcesses } = handlers.ofPod(runtimeHandler);
  return { id, shimIds: shimGroup ? [shimGroup] : [], hostProcesses };
}

/**
 * Why a task may still be there although a call said NOT_FOUND; undefined when it is gone. containerd says NOT_FOUND also
 * when its connection to a shim broke, and its answer alone must never lead to a SIGKILL or to an exit that never was. So
 * a second question (Get) and /proc must agree, and where processes live on without a shim, the list of all tasks too.
 */
export async function whyNotGone(deps: Deps, task: SoughtTask): Promise<string | undefined> {
  try {
    const found = await deps.containerd.tasks.get({ containerId: task.id }, { timeoutMs: TIMEOUT_MS });
    if (found) return `containerd has its task (${found.status})`;
    return await whyProcessesContradict(deps, task);
  } catch (error) {
    return errorMessage(error);
  }
}

/** The same by /proc alone, of a task for which containerd has just answered NOT_FOUND. */
export async function whyProcessesContradict(
  { containerd, host }: Deps,
  task: SoughtTask,
  table?: ProcessTable,
): Promise<string | undefined> {
  const { pids, shim } = (table ?? (await host.processTable())).of(task.id, task.shimIds);
  if (!task.hostProcesses) return shim ? VM_SHIM_RUNS : undefined;
  if (pids.length === 0) return undefined;
  if (shim) return `its shim and its processes run (${pids.join(', ')})`;
  // A shim that died leaves processes behind (containerd 2): they are nobody's only when no list has the task.
  const listed = await containerd.tasks.list({ timeoutMs: TIMEOUT_MS });
  return listed.some(({ containerId }) => containerId === task.id) ? 'containerd lists its task' : undefined;
}
