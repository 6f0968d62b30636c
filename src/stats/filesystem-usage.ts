import type { FilesystemUsage } from '../../generated/cri/v1/api';
import { uint64 } from './usage';

/** What a snapshotter says of a container's writable layer, and when. */
export interface LayerSample {
  /** Nanoseconds since 1970. */
  readonly timestamp: bigint;
  readonly size: bigint;
  readonly inodes: bigint;
}

/**
 * Usage of a writable layer; zeros, at `now`, when it has not been sampled yet. `mountpoint` is the root directory of
 * the snapshotter, which kubelet compares with that of ImageFsInfo.
 */
export function filesystemUsage(mountpoint: string, sample: LayerSample | undefined, now: bigint): FilesystemUsage {
  return {
    timestamp: sample?.timestamp ?? now,
    fsId: { mountpoint },
    usedBytes: uint64(sample?.size ?? 0n),
    inodesUsed: uint64(sample?.inodes ?? 0n),
  };
}
