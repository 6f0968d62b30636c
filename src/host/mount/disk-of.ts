import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { mountDevices } from './mount-info';

/** As many as the kernel follows (path_resolution(7)). */
const MAX_LINKS = 40;

/** A path and the disk of the mount that it lies on, by its device number. */
export interface PathOnDisk {
  readonly path: string;
  readonly disk: string;
}

/**
 * The disk that an absolute path lies on by the mount table (the text of /proc/self/mountinfo) alone: no filesystem is
 * touched, and symbolic links are not followed. Empty for an empty path.
 */
export function diskOf(mountInfo: string, path: string): string {
  return path === '' ? '' : mountOver(mountInfo, resolve(path)).disk;
}

/**
 * Follows the symbolic links in the directory part of a path, looking at nothing that does not lie on `disk`. Answers where
 * that leads to on another disk; undefined: the file lies on this one. Blocks the thread while this disk does not answer.
 */
export function elsewhereThan(mountInfo: string, { path, disk }: PathOnDisk): PathOnDisk | undefined {
  const name = relative(dirname(path), path);
  let dir = dirname(resolve(path));
  for (let links = 0; links < MAX_LINKS; links++) {
    const mount = mountOver(mountInfo, dir);
    if (mount.disk !== disk) return { path: join(dir, name), disk: mount.disk };
    const target = behindFirstLink(mount.mountPoint, dir);
    if (target === undefined) return undefined;
    dir = target;
  }
  return undefined;
}

/** The longest mount point above a path, the newest of equals. */
function mountOver(mountInfo: string, path: string): { readonly mountPoint: string; readonly disk: string } {
  let best = { mountPoint: '/', disk: '' };
  for (const { mountPoint, device } of mountDevices(mountInfo)) {
    const over = path === mountPoint || path.startsWith(mountPoint === '/' ? '/' : `${mountPoint}/`);
    if (over && mountPoint.length >= best.mountPoint.length) best = { mountPoint, disk: device };
  }
  return best;
}

/** The directory with the first link below `from` replaced by its target; undefined when there is none. */
function behindFirstLink(from: string, dir: string): string | undefined {
  const rest = relative(from, dir)
    .split('/')
    .filter((name) => name !== '');
  for (let at = from; rest.length > 0; ) {
    const next = join(at, rest.shift() ?? '');
    const stats = look(next);
    if (!stats) return undefined;
    if (stats.isSymbolicLink()) return resolve(at, readlinkSync(next), ...rest);
    at = next;
  }
  return undefined;
}

/** Undefined when it cannot be looked at: the call that opens it reports why. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
