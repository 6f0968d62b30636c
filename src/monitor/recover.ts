import { errorMessage } from '../base/errors';
import { Limit } from '../base/limit';
import type { ContainerRecord } from '../containerd/containers';
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

export type RecoverDeps = LifecycleDeps & { readonly monitor: ExitMonitor; readonly retries: Retries };

/**
 * Finds every pod and container again from containerd's records and our files. Afterwards they are listed with the
 * state they are in, their exits are watched and their logs go on. One bad record never stops the start.
 */
export async function recover(deps: RecoverDeps): Promise<void> {
  await guarded(deps, 'scratch mounts', () => clearScratch(deps));
  await guarded(deps, 'leases', () => deleteAbandonedLeases(deps));
  const records = await deps.containerd.containers.list([
    `labels."${KIND_LABEL}"==${KIND_SANDBOX}`,
    `labels."${KIND_LABEL}"==${KIND_CONTAINER}`,
  ]);
  const limit = new Limit(AT_ONCE);
  const each = (kind: string, act: (record: ContainerRecord) => Promise<void>): Promise<unknown> =>
    Promise.all(
      records
        .filter((record) => record.labels[KIND_LABEL] === kind)
        .map((record) => limit.run(() => guarded(deps, record.id, () => act(record)))),
    );
  // Pods first: a container without its pod cannot be listed.
  await each(KIND_SANDBOX, (record) => recoverSandbox(deps, record));
  await each(KIND_CONTAINER, (record) => recoverContainer(deps, record));
  for (const entry of await deps.sandboxes.journaled()) {
    if (deps.sandboxes.get(entry.id) === undefined) {
      await guarded(deps, entry.id, () => finishHalfMadeSandbox(deps, entry));
    }
  }
  deps.log.info('recovered', { sandboxes: deps.sandboxes.list().length, containers: deps.containers.list().length });
}

/** The task of `id`, `undefined` when there is none, `unknown` when its shim does not answer in time. */
export async function taskOf(deps: RecoverDeps, id: string): Promise<Process | undefined | 'unknown'> {
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

async function guarded(deps: RecoverDeps, id: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    deps.log.error('a record could not be recovered', { id, error: errorMessage(error) });
  }
}
