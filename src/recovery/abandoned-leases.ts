import { errorMessage } from '../base/errors';
import type { CallOptions } from '../containerd/client';
import { type Lease, snapshotterOf } from '../containerd/leases';
import type { LifecycleDeps } from '../tasks/deps';

/** What our leases of work are called that lasts no longer than the server: views of images, pulls, unpackings. */
const SHORT_LIVED = /^crisp-(view|pull|unpack)-/;

type Deps = Pick<LifecycleDeps, 'containerd' | 'log'>;

/** When this process began, in nanoseconds since 1970: its own work came later. */
const processStart = (): bigint => BigInt(Math.floor(performance.timeOrigin)) * 1_000_000n;

/** The leases of a start. */
export interface LeasesAtStart {
  /** Ids of those that are in use. */
  readonly inUse: ReadonlySet<string>;
  /** Resolves when the others have been deleted, or could not be; never rejects. */
  readonly cleared: Promise<void>;
}

/**
 * Lists all leases, and in the background deletes those of work that a crisp before this one was in the middle of; its views
 * are removed with them. What was fetched and unpacked is left to containerd's garbage collector: the next pull may come
 * before it. Rejects when the leases cannot be listed. `startedAt`: what was made later is not abandoned.
 */
export async function leasesAtStart(
  deps: Deps,
  { startedAt = processStart(), ...options }: CallOptions & { readonly startedAt?: bigint } = {},
): Promise<LeasesAtStart> {
  const all = await deps.containerd.leases.list([], options);
  const isAbandoned = ({ id, createdAt }: Lease): boolean => SHORT_LIVED.test(id) && createdAt < startedAt;
  const inUse = new Set(all.filter((lease) => !isAbandoned(lease)).map(({ id }) => id));
  return { inUse, cleared: deleteAll(deps, all.filter(isAbandoned)) };
}

/** Never rejects: what is left expires by itself. */
async function deleteAll(deps: Deps, abandoned: readonly Lease[]): Promise<void> {
  const { leases, snapshots } = deps.containerd;
  for (const { id } of abandoned) {
    deps.log.info('deleting a lease left by an earlier crisp', { id });
    try {
      for (const resource of id.startsWith('crisp-view-') ? await leases.listResources(id) : []) {
        const snapshotter = snapshotterOf(resource);
        if (snapshotter !== undefined) await snapshots.remove({ snapshotter, key: resource.id });
      }
      await leases.delete(id);
    } catch (error) {
      deps.log.warn('a lease left by an earlier crisp cannot be deleted', { id, error: errorMessage(error) });
    }
  }
}
