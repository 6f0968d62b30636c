import { closeSync, constants, fstatSync, openSync, readlinkSync, type Stats } from 'node:fs';
import { errnoOf } from '../../base/errors';
import type { Syscalls } from '../syscall/syscalls';

/** Not in Node's constants: opens the place, not what is there, so that no FIFO blocks and no device wakes. */
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;
/** As many as the kernel follows. */
const MAX_LINKS = 40;

export type PlaceKind = 'directory' | 'file' | 'other';

/** A place inside a root filesystem, held open by a descriptor. */
export interface HeldPlace {
  readonly fd: number;
  /** Where it is on the host. */
  readonly path: string;
  readonly kind: PlaceKind;
  readonly size: number;
}

/** As `openInRoot` in in-root.ts; the caller closes the descriptor. Blocks the thread while the filesystem looks. */
export function openPlaceNow(root: string, path: string, syscalls: Syscalls | undefined): HeldPlace | undefined {
  try {
    const fd = syscalls ? openByKernel(syscalls, root, path) : walk(root, path);
    const found = fstatSync(fd);
    return { fd, path: readlinkSync(`/proc/self/fd/${fd}`), kind: kindOf(found), size: found.size };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function openByKernel(syscalls: Syscalls, root: string, path: string): number {
  const dirfd = openSync(root, O_PATH | constants.O_DIRECTORY);
  try {
    const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    return syscalls.openat2(dirfd, path || '.', { flags: O_PATH | O_CLOEXEC, resolve });
  } catch (error) {
    // A kernel older than 5.6 does not have it; a seccomp filter may not know it.
    if (errnoOf(error) !== 'ENOSYS' && errnoOf(error) !== 'EPERM') throw error;
    return walk(root, path);
  } finally {
    closeSync(dirfd);
  }
}

/**
 * The same without openat2: component by component, each opened below the descriptor of the one before and without
 * following it, so that a directory swapped for a link meanwhile leads nowhere.
 */
function walk(root: string, path: string): number {
  const trail = [openSync(root, O_PATH | constants.O_DIRECTORY)];
  const todo = components(path);
  try {
    for (let links = 0; todo.length > 0; ) {
      const name = todo.shift() ?? '.';
      const at = trail.at(-1);
      if (name === '.') continue;
      if (name === '..') {
        if (trail.length > 1) closeSync(trail.pop() ?? -1);
        continue;
      }
      const fd = openSync(`/proc/self/fd/${at}/${name}`, O_PATH | constants.O_NOFOLLOW);
      trail.push(fd);
      if (!fstatSync(fd).isSymbolicLink()) continue;
      if (++links > MAX_LINKS) throw Object.assign(new Error(`ELOOP: too many links in "${path}"`), { code: 'ELOOP' });
      const target = readlinkSync(`/proc/self/fd/${at}/${name}`);
      closeSync(trail.pop() ?? -1);
      if (target.startsWith('/')) for (const above of trail.splice(1)) closeSync(above);
      todo.unshift(...components(target));
    }
    return trail.pop() ?? -1;
  } finally {
    for (const fd of trail) closeSync(fd);
  }
}

function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}

function kindOf(found: Stats): PlaceKind {
  if (found.isDirectory()) return 'directory';
  return found.isFile() ? 'file' : 'other';
}
