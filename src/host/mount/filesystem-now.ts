import { readFileSync, realpathSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors';
import { mountOf, parseMountInfo } from './mount-info';

/** A filesystem as a whole. */
export interface Filesystem {
  /** As it was mounted, for example `/dev/sda1`; `overlay`, `tmpfs` and the like for one without a device. */
  readonly device: string;
  /** Bytes. */
  readonly size: bigint;
  /** 0 for a filesystem that makes inodes as it needs them (btrfs). */
  readonly inodes: bigint;
  readonly inodesFree: bigint;
}

/** As `filesystemAt` in filesystem.ts; blocks the thread until the filesystem answers. */
export function filesystemNow(dir: string, procRoot: string): Filesystem | undefined {
  try {
    const path = realpathSync.native(dir);
    const { bsize, blocks, files, ffree } = statfsSync(path, { bigint: true });
    const entries = parseMountInfo(readFileSync(join(procRoot, 'self/mountinfo'), 'utf8'));
    return { device: mountOf(entries, path)?.source ?? '', size: blocks * bsize, inodes: files, inodesFree: ffree };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
