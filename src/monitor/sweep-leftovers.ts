import { isNotFound } from '../containerd/errors';
import type { LifecycleDeps } from '../lifecycle/deps';
import { POD_LEASE_LABEL } from '../lifecycle/pod-lease';

/** Ids of pods and containers: ours, and those of containerd's own CRI, whose directories we share. */
const ID = /^[0-9a-f]{64}$/;
const SNAPSHOTS = 'snapshots/';

type Deps = Pick<
  LifecycleDeps,
  'containerd' | 'daemon' | 'sandboxes' | 'containers' | 'locks' | 'host' | 'paths' | 'log'
>;

/** Whether somebody has the id: it is listed, or being made or removed right now. */
function isOwned(deps: Deps, id: string): boolean {
  // In this order: what is made is listed before its lock is released.
  return (
    deps.locks.isHeld(id) ||
    deps.sandboxes.ownerIds().includes(id) ||
    deps.sandboxes.get(id) !== undefined ||
    deps.containers.get(id) !== undefined
  );
}

/** Deletes leases that we took for pods that exist no more: they have no end of their own and hold what they hold for ever. */
export async function sweepLeases(deps: Deps, signal: AbortSignal): Promise<void> {
  const { leases } = deps.containerd;
  for (const { id } of await leases.list([`labels."${POD_LEASE_LABEL}"`], { signal })) {
    if (isOwned(deps, id)) continue;
    deps.log.info('sweeping the lease of a pod that is gone', { id });
    await leases.delete(id, { signal });
  }
}

/**
 * Removes root filesystems that a pod's lease holds and no container has: of containers whose making we did not survive.
 * What is not under a lease of ours is not ours.
 */
export async function sweepSnapshots(deps: Deps, signal: AbortSignal): Promise<void> {
  const { leases, snapshots, containers } = deps.containerd;
  for (const lease of await leases.list([`labels."${POD_LEASE_LABEL}"`], { signal })) {
    const resources = await leases.listResources(lease.id, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return [];
      throw error;
    });
    for (const { id: key, type } of resources) {
      if (!type.startsWith(SNAPSHOTS) || !ID.test(key) || isOwned(deps, key)) continue;
      const snapshotter = type.slice(SNAPSHOTS.length);
      const info = await snapshots.stat({ snapshotter, key }, { signal });
      // Image volumes are views, and go with their pod.
      if (info?.kind !== 'ACTIVE' || (await containers.get(key, { signal })) !== undefined) continue;
      deps.log.info('sweeping a root filesystem without a container', { key });
      await snapshots.remove({ snapshotter, key }, { signal });
    }
  }
}

/** Removes directories of pods and containers that nobody has a record of. */
export async function sweepDirectories(deps: Deps, signal: AbortSignal): Promise<void> {
  const { paths, host, containerd, daemon } = deps;
  const found = await Promise.all(
    paths.directoriesById().map(async (dir) => ({ dir, names: await host.entries(dir) })),
  );
  const orphaned = (name: string): boolean => ID.test(name) && !isOwned(deps, name);
  if (!found.some(({ names }) => names.some(orphaned))) return;
  const known = new Set((await containerd.containers.list([], { signal })).map(({ id }) => id));
  if (daemon.features.sandboxStore) {
    for (const { id } of await containerd.sandboxStore.list([], { signal })) known.add(id);
  }
  for (const { dir, names } of found) {
    // Asked again: the lists took their time.
    for (const name of names.filter((each) => orphaned(each) && !known.has(each))) {
      deps.log.info('sweeping a directory without an owner', { path: `${dir}/${name}` });
      await host.removeTree(`${dir}/${name}`);
    }
  }
}
