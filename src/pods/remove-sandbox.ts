import { errorMessage } from '../base/errors';
import { allEnded } from '../base/work/all-ended';
import { isNotFound } from '../containerd/errors';
import { snapshotterOf } from '../containerd/leases';
import type { Sandbox } from '../model/sandbox';
import { removeRecord } from '../tasks/delete-container';
import type { LifecycleDeps } from '../tasks/deps';
import { patiently } from '../tasks/held-up';
import { deleteTask } from '../tasks/record-exit';

type Deps = Pick<
  LifecycleDeps,
  | 'containerd'
  | 'daemon'
  | 'sandboxes'
  | 'host'
  | 'paths'
  | 'names'
  | 'exits'
  | 'handlers'
  | 'selinux'
  | 'shims'
  | 'log'
>;

/**
 * Removes what a stopped sandbox left: pause container, snapshot, store record, directories, socket, lease, journal, name.
 * Afterwards nothing of it is left. Idempotent; the caller holds its lock and has removed its containers.
 */
export async function removeSandboxParts(deps: Deps, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { id, name, processLabel } = sandbox.metadata;
  const handler = deps.handlers.ofPod(sandbox.metadata.runtimeHandler);
  const { containers, sandboxStore, leases } = deps.containerd;
  const fromContainerd = async (): Promise<void> => {
    if (sandbox.withoutInfra) await containers.delete(id, { signal });
    else await removeRecord(deps, id, handler.snapshotter, signal);
    await removeLeasedSnapshots(deps, id, signal);
    await leases.delete(id, { signal });
  };
  // Nothing is taken apart under a task: while that cannot be deleted, all the rest stays.
  if (!sandbox.withoutInfra) await deleteTask(deps, id, signal);
  await allEnded([
    fromContainerd(),
    deps.daemon.features.sandboxStore ? sandboxStore.delete(id, { signal }) : Promise.resolve(),
    patiently(signal, () => deps.host.removeTree(deps.paths.sandboxState(id))),
    patiently(signal, () => deps.host.removeTree(deps.paths.sandboxRoot(id))),
    removeSockets(deps, sandbox),
  ]);
  // The last of all: while it is there, the rest is found again after a crash.
  await deps.sandboxes.forget(id);
  deps.sandboxes.delete(id);
  deps.names.release(name, id);
  deps.selinux.release(processLabel);
  deps.exits.settle(id);
}

/** A pod ends also with a socket left, which the sweep finds again. */
async function removeSockets({ shims, log }: Deps, { metadata: { id }, shimGroup }: Sandbox): Promise<void> {
  await shims.removeSockets(shimGroup ?? id).catch((error: unknown) => {
    log.warn('the socket of a shim cannot be removed', { id, error: errorMessage(error) });
  });
}

/** The snapshots behind the pod's image volumes are held by its lease alone; without it they go with some later collection. */
async function removeLeasedSnapshots(deps: Deps, lease: string, signal: AbortSignal): Promise<void> {
  const { leases, snapshots } = deps.containerd;
  const resources = await leases.listResources(lease, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return [];
    throw error;
  });
  for (const resource of resources) {
    const [key, snapshotter] = [resource.id, snapshotterOf(resource)];
    if (snapshotter === undefined) continue;
    const info = await snapshots.stat({ snapshotter, key }, { signal });
    // Layers that were unpacked under the lease are images' own.
    if (info && info.kind !== 'COMMITTED') await snapshots.remove({ snapshotter, key }, { signal });
  }
}
