import type { LifecycleDeps } from './deps';

/** What our leases of work are called that lasts no longer than the server: views of images, pulls, unpackings. */
const SHORT_LIVED = /^crisp-(view|pull|unpack)-/;
const SNAPSHOTS = 'snapshots/';

/**
 * Lets go of what a server that died was in the middle of; only before anything of the kind is begun again. Views are
 * removed at once. What was fetched and unpacked is left to containerd's collector: the next pull may come before it.
 * Answers the ids of all other leases.
 */
export async function deleteAbandonedLeases(deps: Pick<LifecycleDeps, 'containerd' | 'log'>): Promise<Set<string>> {
  const { leases, snapshots } = deps.containerd;
  const others = new Set<string>();
  for (const { id } of await leases.list()) {
    const kind = SHORT_LIVED.exec(id)?.[1];
    if (kind === undefined) {
      others.add(id);
      continue;
    }
    deps.log.info('deleting a lease that a server before us has left', { id });
    for (const { type, id: key } of kind === 'view' ? await leases.listResources(id) : []) {
      if (type.startsWith(SNAPSHOTS)) await snapshots.remove({ snapshotter: type.slice(SNAPSHOTS.length), key });
    }
    await leases.delete(id);
  }
  return others;
}
