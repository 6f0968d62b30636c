import type { LifecycleDeps } from './deps';

type Deps = Pick<LifecycleDeps, 'containerd' | 'containers' | 'handlers'>;

/**
 * Whether a container of which containerd says that it has no record must have one all the same: its status file is there,
 * which is written after the record, and so is its snapshot, which every removal deletes before the record. Rejects when
 * that cannot be found out.
 */
export async function hasLiveRecord({ containerd, containers, handlers }: Deps, id: string): Promise<boolean> {
  if ((await containers.readStatus(id)) === undefined) return false;
  const snapshotters = new Set(handlers.all.map(({ snapshotter }) => snapshotter));
  for (const snapshotter of snapshotters) {
    if ((await containerd.snapshots.stat({ snapshotter, key: id })) !== undefined) return true;
  }
  return false;
}
