import type { LifecycleDeps } from './deps';

type Deps = Pick<LifecycleDeps, 'containerd' | 'containers' | 'handlers'>;

/**
 * Whether a container of which containerd says that it has no record must have one all the same: by its status file it has
 * been started, which takes a record, and its snapshot is there, which every removal deletes before the record. Rejects
 * when that cannot be found out.
 */
export async function hasLiveRecord({ containerd, containers, handlers }: Deps, id: string): Promise<boolean> {
  const status = await containers.readStatus(id);
  if (status === undefined || status.startedAt === 0n) return false;
  const snapshotters = new Set(handlers.all.map(({ snapshotter }) => snapshotter));
  for (const snapshotter of snapshotters) {
    if ((await containerd.snapshots.stat({ snapshotter, key: id })) !== undefined) return true;
  }
  return false;
}
