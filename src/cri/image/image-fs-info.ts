import type { FilesystemUsage, ImageFsInfoResponse } from '../../../generated/cri/v1/api';
import type { CriDeps } from '../deps';

/**
 * What snapshots take of the disk, from the last sample: kubelet reads the first entry, so the default snapshotter leads.
 * A snapshot or snapshotter that cannot be measured counts as it did last.
 */
export async function imageFsInfo(deps: Pick<CriDeps, 'stats'>): Promise<ImageFsInfoResponse> {
  const imageFilesystems = (await deps.stats.imageFilesystems()).map(
    (usage): FilesystemUsage => ({
      timestamp: usage.timestamp,
      fsId: { mountpoint: usage.mountpoint },
      usedBytes: { value: usage.usedBytes },
      inodesUsed: { value: usage.inodesUsed },
    }),
  );
  return { imageFilesystems, containerFilesystems: [] };
}
