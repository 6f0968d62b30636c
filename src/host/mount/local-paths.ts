import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors';
import { mountTypes } from './mount-info';

/** Filesystems that answer from this machine alone. Anything else (NFS, FUSE, automounts) may never answer. */
const LOCAL: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'zfs', 'bcachefs', 'overlay', 'erofs', 'squashfs', 'iso9660'],
  ...['vfat', 'tmpfs', 'ramfs', 'rootfs', 'devtmpfs', 'devpts', 'mqueue', 'hugetlbfs', 'nsfs'],
  ...[
    'proc',
    'sysfs',
    'cgroup',
    'cgroup2',
    'bpf',
    'tracefs',
    'debugfs',
    'securityfs',
    'configfs',
    'efivarfs',
    'pstore',
  ],
]);
/** As many as the kernel follows (path_resolution(7)). */
const MAX_LINKS = 40;

/** What a path leads to: with all links followed, and its state; of a missing one the part that exists, and the rest. */
export interface LocalPath {
  readonly path: string;
  readonly stats: Stats | undefined;
}

/**
 * Looks at paths where hardly a look can hang. Each component is looked at only when all that is mounted at it or above it is of
 * this machine, so a link into a dead mount is not followed either.
 */
export class LocalPaths {
  private readonly local = new Map<string, boolean>();

  /** `mountInfo` is the text of /proc/self/mountinfo. */
  constructor(mountInfo: string) {
    for (const { mountPoint, type } of mountTypes(mountInfo)) {
      // Which of those at one point, or below one, are covered is not looked into: all have to be.
      this.local.set(mountPoint, LOCAL.has(type) && this.local.get(mountPoint) !== false);
    }
  }

  /** Follows an absolute path; undefined when that leads off this machine, or round in circles. */
  resolve(path: string): LocalPath | undefined {
    const rest = path.split('/');
    let at = '/';
    let stats: Stats | undefined;
    if (this.local.get(at) !== true) return undefined;
    for (let links = 0; rest.length > 0; ) {
      const next = join(at, rest.shift() ?? '');
      if (this.local.get(next) === false) return undefined;
      stats = look(next);
      if (stats === undefined) return { path: join(next, ...rest), stats };
      if (!stats.isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > MAX_LINKS) return undefined;
      const target = readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      rest.unshift(...target.split('/'));
    }
    return { path: at, stats };
  }
}

/** Undefined when there is nothing, also since something on the way is no directory. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
