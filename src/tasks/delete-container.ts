import type { Container } from '../model/container';
import type { LifecycleDeps } from './deps';
import { clearVanishedTask, endTask } from './half-made-task';
import { handlerOfContainer } from './handler-of-container';
import { patiently } from './held-up';
import { killAndDelete } from './kill-and-delete';
import { deleteTask } from './record-exit';

type Deps = Pick<
  LifecycleDeps,
  | 'containerd'
  | 'containers'
  | 'sandboxes'
  | 'handlers'
  | 'host'
  | 'paths'
  | 'stdio'
  | 'names'
  | 'exits'
  | 'selinux'
  | 'shims'
  | 'log'
>;

/**
 * Removes a container that does not run: task, record, snapshot, FIFOs, directories, name. Afterwards nothing of it is
 * left. Idempotent; what fails leaves it listed, so that the call can be repeated. The caller holds its lock.
 */
export async function removeContainerParts(deps: Deps, container: Container, signal: AbortSignal): Promise<void> {
  const { id, sandboxId, name, processLabel } = container.metadata;
  await deps.shims.deleting(sandboxId, id, async () => {
    if (container.halfMade) await endHalfMade(deps, container, signal);
    const remove = (): Promise<void> => removeFromContainerd(deps, id, container.snapshotter, signal);
    await remove().catch(async (error: unknown) => {
      // Whatever is known of its container, what runs cannot be deleted.
      const task = await deps.containerd.tasks.get({ containerId: id }, { signal }).catch(() => undefined);
      if (task?.status !== 'RUNNING') throw error;
      await killAndDelete(deps, id, signal);
      await remove();
    });
  });
  await deps.stdio.close(id); // not before its task is gone, which would print to nowhere
  await patiently(signal, () => deps.host.removeTree(deps.paths.containerState(id)));
  await patiently(signal, () => deps.host.removeTree(deps.paths.containerRoot(id)));
  deps.containers.delete(id);
  deps.names.release(name, id);
  deps.selinux.release(processLabel);
  deps.exits.settle(id);
}

/** Of a pod whose pause task has ended, the shim has too: a task made once more would bring another, which would stay. */
async function endHalfMade(deps: Deps, container: Container, signal: AbortSignal): Promise<void> {
  const { id, sandboxId } = container.metadata;
  const pod = deps.sandboxes.get(sandboxId);
  const hasShim = pod !== undefined && (pod.withoutInfra === true || pod.status.state === 'READY');
  const handler = handlerOfContainer(deps, container);
  if (!hasShim) {
    await killAndDelete(deps, id, signal);
    return clearVanishedTask(deps, id, { handler, reason: 'its start failed, and the shim of its pod has ended' });
  }
  const task = { id, snapshotter: container.snapshotter, handler };
  await endTask(deps, container, task, signal);
}

/** Afterwards containerd knows no task, no record and no snapshot of `id`. Rejects when the task runs. */
async function removeFromContainerd(
  deps: Pick<Deps, 'containerd'>,
  id: string,
  snapshotter: string,
  signal: AbortSignal,
): Promise<void> {
  await deleteTask(deps, id, signal);
  await removeRecord(deps, id, snapshotter, signal);
}

/** Afterwards containerd knows no record and no snapshot of `id`, which has no task. */
export async function removeRecord(
  deps: Pick<Deps, 'containerd'>,
  id: string,
  snapshotter: string,
  signal: AbortSignal,
): Promise<void> {
  // The record last: while it is there, the rest is found again after a crash.
  await deps.containerd.snapshots.remove({ snapshotter, key: id }, { signal });
  await deps.containerd.containers.delete(id, { signal });
}
