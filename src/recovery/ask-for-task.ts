import { errorMessage } from '../base/errors';
import { freshWork } from '../base/work/fresh-work';
import type { ContainerdClient } from '../containerd/client';
import type { Process, TaskStatus } from '../containerd/tasks';
import { type SoughtTask, VM_SHIM_RUNS, whyProcessesContradict } from '../tasks/task-presence';
import type { Found } from './inventory';
import { type RecoverDeps, TASK_TIMEOUT_MS } from './recover-deps';
import { answerOf, type TaskAnswer } from './recovery-decision';

/** A task, and whether it is known to have run: then a virtual machine that is there may still run it. */
export type Sought = SoughtTask & { readonly ran: boolean };

/** How to ask for all tasks: a list waits for each shim that hangs, and many objects in doubt ask at the same time. */
export function allTasksOf(containerd: ContainerdClient): () => Promise<readonly Process[]> {
  return freshWork(() => containerd.tasks.list({ timeoutMs: TASK_TIMEOUT_MS }));
}

/**
 * What became of a task. It is gone, has ended or was never started only when the list of tasks, a question for it alone and
 * /proc agree; what contradicts itself, and what is not answered in time, says nothing.
 */
export async function askForTask(deps: RecoverDeps, sought: Sought, found?: Found): Promise<TaskAnswer> {
  const answer = await askContainerd(deps, sought, found);
  if (answer.said !== 'created' && answer.said !== 'ended') return answer;
  try {
    const table = await (found ? found.processes() : deps.host.processTable());
    const { pids } = table.of(sought.id, sought.shimIds);
    // What an OCI runtime only creates is not among them.
    const runs = answer.said === 'created' ? pids.length > 0 : pids.includes(answer.task.pid);
    return runs ? { said: 'nothing', why: 'containerd says that its task does not run, and it does' } : answer;
  } catch (error) {
    return { said: 'nothing', why: errorMessage(error) };
  }
}

async function askContainerd(deps: RecoverDeps, sought: Sought, found?: Found): Promise<TaskAnswer> {
  const { id } = sought;
  const listed = found?.tasks.get(id);
  // Ask again before believing CREATED or STOPPED: such a task is deleted.
  if (listed && listed.status !== 'CREATED' && listed.status !== 'STOPPED') return answerOf(listed);
  try {
    const task = await deps.containerd.tasks.get({ containerId: id }, { timeoutMs: TASK_TIMEOUT_MS });
    // What containerd answers after two seconds of its own when the shim has not.
    if (task?.status === 'UNKNOWN') return { said: 'nothing', why: 'its shim does not answer' };
    if (listed?.status === 'STOPPED' && task?.status !== 'STOPPED') return contradicted;
    if (task && task.status !== 'CREATED') return answerOf(task);
    const inList = await listedStatus(deps, id, found);
    if (task && inList === 'CREATED') return answerOf(task);
    if (task || inList !== undefined) return contradicted;
    const why = await whyProcessesContradict(deps, sought, await found?.processes());
    // The shim of a virtual machine runs for the pod, whether this container of it does or not.
    if (why === undefined || (why === VM_SHIM_RUNS && !sought.ran)) return { said: 'none' };
    return { said: 'nothing', why };
  } catch (error) {
    if (listed?.status === 'STOPPED') return answerOf(listed);
    return { said: 'nothing', why: errorMessage(error) };
  }
}

const contradicted: TaskAnswer = { said: 'nothing', why: 'two answers of containerd contradict each other' };

/** What the list of tasks says of one; asked again where it was not answered. */
async function listedStatus(deps: RecoverDeps, id: string, found?: Found): Promise<TaskStatus | undefined> {
  if (found?.tasksListed) return found.tasks.get(id)?.status;
  const tasks = await (found ? found.tasksAgain() : deps.allTasks());
  return tasks.find(({ containerId }) => containerId === id)?.status;
}

/** Whether /proc has processes of a task. Of one in a virtual machine that ran, its shim is all that is seen. */
export async function hasProcesses(deps: RecoverDeps, sought: Sought, found?: Found): Promise<boolean> {
  const table = await (found ? found.processes() : deps.host.processTable());
  const { pids, shim } = table.of(sought.id, sought.shimIds);
  return pids.length > 0 || (!sought.hostProcesses && sought.ran && shim);
}
