import { isId } from '../base/ids';
import { sleep } from '../base/wait/backoff';
import { isNotFound } from '../containerd/errors';
import { snapshotterOf } from '../containerd/leases';
import { containerState } from '../model/container';
import { POD_LEASE_LABEL } from '../pods/pod-lease';
import type { LifecycleDeps } from '../tasks/deps';
import { clearVanishedTask } from '../tasks/half-made-task';
import { hasLiveRecord } from '../tasks/live-record';

/** A shim that shuts down ends within this. */
const SHIM_ENDS_MS = 10_000;

export type SweepDeps = Pick<
  LifecycleDeps,
  'containerd' | 'daemon' | 'sandboxes' | 'containers' | 'handlers' | 'locks' | 'host' | 'paths' | 'log'
>;

/** Whether somebody has the id: it is listed, or being made or removed right now. */
export function isOwned(deps: SweepDeps, id: string): boolean {
  // In this order: what is made is listed before its lock is released.
  return (
    deps.locks.isHeld(id) ||
    deps.sandboxes.ownerIds().includes(id) ||
    deps.sandboxes.get(id) !== undefined ||
    deps.containers.get(id) !== undefined
  );
}

/**
 * Whether nothing has the id, asked right before what is found under it is destroyed: it is not listed, containerd has no
 * record of it, nothing of it runs, and nothing shows that it must have a record. Rejects when that cannot be found out, and then nothing may be destroyed.
 */
export async function isOrphan(deps: SweepDeps, id: string): Promise<boolean> {
  if (isOwned(deps, id) || (await deps.containerd.containers.get(id)) !== undefined) return false;
  if ((await deps.host.processTable()).of(id).pids.length > 0 || (await mayHaveRecord(deps, id))) return false;
  return !isOwned(deps, id); // asked again: the answers took their time
}

/** What cannot be looked at is left alone, and holds up nothing else. */
function mayHaveRecord(deps: SweepDeps, id: string): Promise<boolean> {
  return hasLiveRecord(deps, id).catch(() => true);
}

/**
 * Whether containerd can be relied on: while it says that it has no containers at all, and crisp lists some that nobody is
 * removing or a status file says that one ran, nothing is swept.
 */
export async function answersAreWhole(deps: SweepDeps): Promise<boolean> {
  const idle = (): string[] =>
    [...deps.sandboxes.list(), ...deps.containers.list()]
      .map(({ metadata: { id } }) => id)
      .filter((id) => !deps.locks.isHeld(id) && !deps.locks.isHeld(`stop/${id}`));
  const before = idle();
  if ((await deps.containerd.containers.list()).length > 0) return true;
  const after = new Set(idle());
  if (before.some((id) => after.has(id))) return false;
  const ids = (await Promise.all(deps.paths.recordDirectories().map((dir) => deps.host.entries(dir)))).flat();
  const statuses = await Promise.all(ids.map((id) => deps.containers.readStatus(id).catch(() => undefined)));
  return !statuses.some((status) => status !== undefined && containerState(status) === 'RUNNING');
}

/** Deletes leases that we took for pods that exist no more: they have no end of their own and hold what they hold for ever. */
export async function sweepLeases(deps: SweepDeps, signal: AbortSignal): Promise<void> {
  const { leases } = deps.containerd;
  for (const { id } of await leases.list([`labels."${POD_LEASE_LABEL}"`], { signal })) {
    if (!(await isOrphan(deps, id))) continue;
    deps.log.info('sweeping the lease of a pod that is gone', { id });
    await leases.delete(id, { signal });
  }
}

/**
 * Removes root filesystems that a pod's lease holds and no container has: of containers whose making we did not survive.
 * What is not under a lease of ours is not ours.
 */
export async function sweepSnapshots(deps: SweepDeps, signal: AbortSignal): Promise<void> {
  const { leases, snapshots } = deps.containerd;
  for (const lease of await leases.list([`labels."${POD_LEASE_LABEL}"`], { signal })) {
    const resources = await leases.listResources(lease.id, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return [];
      throw error;
    });
    for (const resource of resources) {
      const [key, snapshotter] = [resource.id, snapshotterOf(resource)];
      if (snapshotter === undefined || !isId(key) || isOwned(deps, key)) continue;
      const info = await snapshots.stat({ snapshotter, key }, { signal });
      // Image volumes are views, and go with their pod.
      if (info?.kind !== 'ACTIVE' || !(await isOrphan(deps, key))) continue;
      deps.log.info('sweeping a root filesystem without a container', { key });
      await snapshots.remove({ snapshotter, key }, { signal });
    }
  }
}

/**
 * Ends shims that containerd has let go of and that have no process, and removes what the OCI runtime keeps of their tasks.
 * Each is looked at twice, ten seconds apart: a shim that is just ending has ended by then. A shim that holds tasks of a
 * listed pod is left alone.
 */
export async function sweepShims(deps: SweepDeps, signal: AbortSignal, pauseMs = SHIM_ENDS_MS): Promise<void> {
  const { host, paths, log } = deps;
  const first = await host.leakedShims(paths.namespace);
  if (first.length === 0) return;
  await sleep(pauseMs, signal);
  const still = await host.leakedShims(paths.namespace);
  for (const shim of still) {
    const { pid, startTime, id } = shim;
    if (!first.some((each) => each.pid === pid && each.startTime === startTime)) continue;
    if (deps.sandboxes.list().some(({ shimGroup }) => shimGroup === id) || !(await isOrphan(deps, id))) continue;
    const reason = 'containerd has let go of its shim, which has no process';
    log.warn('ending a shim', { id, pid, reason });
    await host.killShim(shim);
    // The OCI runtime may still know the task that the shim had.
    for (const handler of deps.handlers.all.filter(({ hostProcesses }) => hostProcesses))
      await clearVanishedTask(deps, id, { handler, reason });
  }
}

/** Removes directories of pods and containers that nobody has a record of. */
export async function sweepDirectories(deps: SweepDeps, signal: AbortSignal): Promise<void> {
  const { paths, host, containerd, daemon } = deps;
  const found = await Promise.all(
    paths.directoriesById().map(async (dir) => ({ dir, names: await host.entries(dir) })),
  );
  const unowned = (name: string): boolean => isId(name) && !isOwned(deps, name);
  if (!found.some(({ names }) => names.some(unowned))) return;
  const stored = daemon.features.sandboxStore ? await containerd.sandboxStore.list([], { signal }) : [];
  const inStore = new Set(stored.map(({ id }) => id));
  for (const { dir, names } of found) {
    for (const name of names.filter((each) => unowned(each) && !inStore.has(each))) {
      if (!(await isOrphan(deps, name))) continue;
      deps.log.info('sweeping a directory without an owner', { path: `${dir}/${name}` });
      await host.removeTree(`${dir}/${name}`);
    }
  }
}
