import { errorMessage } from '../base/errors';
import { HeapRoom } from '../base/heap-room';
import { Limit } from '../base/limit';
import type { ContainerRecord } from '../containerd/containers';
import type { SandboxRecord } from '../containerd/sandbox-store';
import type { Process } from '../containerd/tasks';
import { deleteAbandonedLeases } from '../lifecycle/abandoned-leases';
import type { LifecycleDeps } from '../lifecycle/deps';
import { clearScratch } from '../lifecycle/user-files';
import { KIND_CONTAINER, KIND_LABEL, KIND_SANDBOX } from '../state/labels';
import { NameTaken } from '../state/name-index';
import type { ExitMonitor } from './exit-monitor';
import { recoverContainer } from './recover-container';
import { finishHalfMadeSandbox, recoverSandbox } from './recover-sandbox';
import type { Retries } from './retries';

/** A shim that hangs must not hold up the start of everything else. */
export const TASK_TIMEOUT_MS = 10_000;
const AT_ONCE = 16;

/** Within this the daemon tells of all tasks at once, unless the shim of one of them hangs. */
const LIST_TIMEOUT_MS = 1000;

/** What the daemon has, asked for once for all pods. What is not in it may be there all the same. */
export interface Found {
  readonly tasks: ReadonlyMap<string, Process>;
  readonly leases: ReadonlySet<string>;
  /** What stands in the daemon's sandbox store; undefined when that could not be listed. */
  readonly stored: ReadonlyMap<string, SandboxRecord> | undefined;
}

/** That, and the records of all pods and containers. */
export interface Asked extends Found {
  readonly records: readonly ContainerRecord[];
  /** What asking took, in milliseconds. */
  readonly ms: number;
}

export type RecoverDeps = LifecycleDeps & { readonly monitor: ExitMonitor; readonly retries: Retries };

/**
 * Asks the daemon for all that `recover` needs to know; what else a start asks it may be asked meanwhile. Rejects when there
 * is no answer for the records. Leases that nobody works under any more are deleted.
 */
export async function askDaemon(deps: RecoverDeps): Promise<Asked> {
  const lap = stopwatch();
  const { containers, sandboxStore } = deps.containerd;
  const [records, tasks, leases, stored] = await withRoom(() =>
    Promise.all([
      containers.list([`labels."${KIND_LABEL}"==${KIND_SANDBOX}`, `labels."${KIND_LABEL}"==${KIND_CONTAINER}`]),
      allTasks(deps),
      guarded(deps, 'leases', () => deleteAbandonedLeases(deps)),
      guarded(deps, 'sandbox store', () => sandboxStore.list()),
    ]),
  );
  return {
    ...{ records, tasks, leases: leases ?? new Set(), ms: lap() },
    stored: stored && new Map(stored.map((record) => [record.id, record])),
  };
}

/**
 * Finds every pod and container again from containerd's records and our files. Afterwards they are listed with the
 * state they are in, their exits are watched and their logs go on; what is left of a creation that was cut off is cleared
 * under the lock of its container or pod. One bad record never stops the start.
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

/** All records come at once: a heap that is kept small would be marked as a whole again and again. */
const withRoom = <T>(act: () => Promise<T>): Promise<T> => new HeapRoom().while(act);

/** Answers what the pods and the containers took, in milliseconds. */
async function recoverAll(deps: RecoverDeps, asked: Asked): Promise<{ podsMs: number; containersMs: number }> {
  const lap = stopwatch();
  await guarded(deps, 'scratch mounts', () => clearScratch(deps));
  const limit = new Limit(AT_ONCE);
  const each = (kind: string, act: (record: ContainerRecord) => Promise<void>): Promise<unknown> =>
    Promise.all(
      asked.records
        .filter((record) => record.labels[KIND_LABEL] === kind)
        .map((record) => limit.run(() => guarded(deps, record.id, () => act(record)))),
    );
  // Pods first: a container without its pod cannot be listed.
  await each(KIND_SANDBOX, (record) => recoverSandbox(deps, record, asked));
  const podsMs = lap();
  await each(KIND_CONTAINER, (record) => recoverContainer(deps, record, asked));
  const containersMs = lap();
  for (const entry of await deps.sandboxes.unlistedJournal()) {
    await guarded(deps, entry.id, () => finishHalfMadeSandbox(deps, entry));
  }
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

/** The tasks that the daemon tells of at once; those of which it does not are asked about one by one. */
async function allTasks(deps: RecoverDeps): Promise<Map<string, Process>> {
  const tasks = await deps.containerd.tasks.list({ timeoutMs: LIST_TIMEOUT_MS }).catch((error: unknown) => {
    deps.log.info('each task is asked about by itself', { error: errorMessage(error) });
    return [];
  });
  return new Map(tasks.filter(({ status }) => status !== 'UNKNOWN').map((task) => [task.containerId, task]));
}

/** The task of `id`, `undefined` when there is none, `unknown` when its shim does not answer in time. */
export async function taskOf(deps: RecoverDeps, id: string, found?: Found): Promise<Process | undefined | 'unknown'> {
  const listed = found?.tasks.get(id);
  if (listed) return listed;
  try {
    const task = await deps.containerd.tasks.get({ containerId: id }, { timeoutMs: TASK_TIMEOUT_MS });
    // What the daemon answers after two seconds of its own when the shim has not.
    if (task?.status !== 'UNKNOWN') return task;
    deps.log.warn('the shim of a task does not answer', { id });
    return 'unknown';
  } catch (error) {
    deps.log.warn('a task does not answer', { id, error: errorMessage(error) });
    return 'unknown';
  }
}

/** Reserves a recovered name. Two records of one name are not fatal: the second goes unnamed, for kubelet to remove. */
export function reserveRecovered(deps: RecoverDeps, name: string, id: string): void {
  try {
    deps.names.reserve(name, id);
  } catch (error) {
    if (!(error instanceof NameTaken)) throw error;
    deps.log.warn('two records have one name', { name, id, owner: error.owner });
  }
}

async function guarded<T>(deps: RecoverDeps, id: string, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    deps.log.error('a record could not be recovered', { id, error: errorMessage(error) });
    return undefined;
  }
}
