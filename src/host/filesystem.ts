import { readFile, realpath, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors';
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

/** The filesystem that a directory lies on; undefined when there is no such directory. `procRoot` is for tests. */
export async function filesystemAt(dir: string, procRoot = '/proc'): Promise<Filesystem | undefined> {
  try {
    const path = await realpath(dir);
    const { bsize, blocks, files, ffree } = await statfs(path, { bigint: true });
    const entries = parseMountInfo(await readFile(join(procRoot, 'self/mountinfo'), 'utf8'));
    return { device: mountOf(entries, path)?.source ?? '', size: blocks * bsize, inodes: files, inodesFree: ffree };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
