import { errorMessage } from '../base/errors';
import { Limit } from '../base/limit';
import type { ContainerRecord } from '../containerd/containers';
import type { Process, TaskStatus } from '../containerd/tasks';
import type { ImageIndex } from '../images/image-index';
import type { LifecycleDeps } from '../lifecycle/deps';
import { type SoughtTask, VM_SHIM_RUNS, whyProcessesContradict } from '../lifecycle/task-presence';
import { clearScratch } from '../lifecycle/user-files';
import { KIND_CONTAINER, KIND_LABEL, KIND_SANDBOX } from '../state/labels';
import { NameTaken } from '../state/name-index';
import type { ExitMonitor } from './exit-monitor';
import { type Asked, type Found, withRoom } from './inventory';
import { lookAgain, readImagesAgain } from './look-again';
import { recoverContainer } from './recover-container';
import { recoverSandbox } from './recover-sandbox';
import { answerOf, type TaskAnswer } from './recovery-decision';
import type { Retries } from './retries';
import { rollBackInterrupted } from './roll-back-interrupted';

export { askDaemon } from './inventory';

/** A shim that hangs must not hold up the start of everything else. */
export const TASK_TIMEOUT_MS = 10_000;
const AT_ONCE = 16;

export type RecoverDeps = LifecycleDeps & {
  readonly monitor: ExitMonitor;
  readonly retries: Retries;
  readonly images: Pick<ImageIndex, 'find' | 'resync' | 'unreadNames'>;
};

/**
 * Finds every pod and container again from containerd's records and our files. Afterwards they are listed with the state
 * they are in, their exits are watched and their logs go on. What could not be found out is asked again in the background,
 * and interrupted creations are cleared there. One bad record never stops the start, and none is left out.
 */
export async function recover(deps: RecoverDeps, asked: Asked): Promise<void> {
  deps.monitor.hold();
  try {
    const took = await withRoom(() => recoverAll(deps, asked));
    const [sandboxes, containers] = [deps.sandboxes.list().length, deps.containers.list().length];
    deps.log.info('recovered', { sandboxes, containers, askedMs: asked.ms, ...took });
  } finally {
    void deps.monitor.release();
  }
}

/** Answers what the pods and the containers took, in milliseconds. */
async function recoverAll(deps: RecoverDeps, asked: Asked): Promise<{ podsMs: number; containersMs: number }> {
  const lap = stopwatch();
  await clearScratch(deps).catch((error: unknown) => {
    deps.log.warn('mounts of images cannot be cleared', { error: errorMessage(error) });
  });
  const limit = new Limit(AT_ONCE);
  const each = (kind: string, act: (record: ContainerRecord) => Promise<void>): Promise<unknown> =>
    Promise.all(
      asked.records
        .filter((record) => record.labels[KIND_LABEL] === kind)
        .map((record) => limit.run(() => listed(deps, record.id, () => act(record)))),
    );
  // Pods first: a container without its pod cannot be listed.
  await each(KIND_SANDBOX, (record) => recoverSandbox(deps, record, asked));
  const podsMs = lap();
  await each(KIND_CONTAINER, (record) => recoverContainer(deps, record, asked));
  const containersMs = lap();
  if (!(await rollBackInterrupted(deps, asked)) || asked.unasked.size > 0) lookAgain(deps, asked);
  readImagesAgain(deps);
  return { podsMs, containersMs };
}

/** Answers the milliseconds since it was asked last. */
function stopwatch(): () => number {
  let since = performance.now();
  return () => {
    const from = since;
    since = performance.now();
    return Math.round(since - from);
  };
}

/** A task, and whether it is known to have run: then a virtual machine that is there may still run it. */
export type Sought = SoughtTask & { readonly ran: boolean };

/**
 * What became of a task. It is gone only when the list of tasks, a question for it alone and /proc agree; what contradicts
 * itself, and what is not answered in time, says nothing.
 */
export async function askForTask(deps: RecoverDeps, sought: Sought, found?: Found): Promise<TaskAnswer> {
  const { id } = sought;
  const listed = found?.tasks.get(id);
  // Ask again before believing CREATED: such a task gets killed.
  if (listed && listed.status !== 'CREATED') return answerOf(listed);
  try {
    const task = await deps.containerd.tasks.get({ containerId: id }, { timeoutMs: TASK_TIMEOUT_MS });
    // What containerd answers after two seconds of its own when the shim has not.
    if (task?.status === 'UNKNOWN') return { said: 'nothing', why: 'its shim does not answer' };
    if (task && task.status !== 'CREATED') return answerOf(task);
    const inList = await listedStatus(deps, id, found);
    if (task && inList === 'CREATED') return answerOf(task);
    if (task || inList !== undefined)
      return { said: 'nothing', why: 'two answers of containerd contradict each other' };
    const why = await whyProcessesContradict(deps, sought, await found?.processes());
    // The shim of a virtual machine runs for the pod, whether this container of it does or not.
    if (why === undefined || (why === VM_SHIM_RUNS && !sought.ran)) return { said: 'none' };
    return { said: 'nothing', why };
  } catch (error) {
    return { said: 'nothing', why: errorMessage(error) };
  }
}

/** What the list of tasks says of one; asked again where it was not answered. */
async function listedStatus(deps: RecoverDeps, id: string, found?: Found): Promise<TaskStatus | undefined> {
  if (found?.tasksListed) return found.tasks.get(id)?.status;
  const tasks = await (found ? found.tasksAgain() : listPatiently(deps));
  return tasks.find(({ containerId }) => containerId === id)?.status;
}

/** A list of tasks waits for each shim that hangs. */
function listPatiently({ containerd }: Pick<RecoverDeps, 'containerd'>): Promise<Process[]> {
  return containerd.tasks.list({ timeoutMs: TASK_TIMEOUT_MS });
}

/** Whether /proc has processes of a task. Of one in a virtual machine that ran, its shim is all that is seen. */
export async function hasProcesses(deps: RecoverDeps, sought: Sought, found?: Found): Promise<boolean> {
  const table = await (found ? found.processes() : deps.host.processTable());
  const { pids, shim } = table.of(sought.id, sought.shimIds);
  return pids.length > 0 || (!sought.hostProcesses && sought.ran && shim);
}

/** Reserves a recovered name. Two records of one name are not fatal: the second goes unnamed, for kubelet to remove. */
export function reserveRecovered(deps: RecoverDeps, name: string, id: string): void {
  if (name === '') return; // it could not be read
  try {
    deps.names.reserve(name, id);
  } catch (error) {
    if (!(error instanceof NameTaken)) throw error;
    deps.log.warn('two records have one name', { name, id, owner: error.owner });
  }
}

/** Recovers one record by `act`. What fails is tried again in the background until it is listed. */
async function listed(deps: RecoverDeps, id: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const why = errorMessage(error);
    deps.log.error('recovery of a record failed, trying again', { id, error: why });
    const again = async (): Promise<boolean> => {
      if (!deps.sandboxes.get(id) && !deps.containers.get(id)) await act();
      return true;
    };
    deps.retries.until(`the recovery of ${id}`, again, why);
  }
}
