import { lstatSync, readdirSync, realpathSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf } from '../base/errors';
import { isWithin } from './mount-info';

/** Unmounts what is mounted at a path. */
export type Detach = (path: string) => void;

/** As `removeTree` in dirs.ts; `detach` is called before anything is looked into, since a dead mount would hold up the look. */
export function removeTreeNow(path: string, root: string, detach: Detach): void {
  const real = placeBelow(path, root);
  if (real === undefined) return;
  unlessAbsent(() => {
    detach(real);
    if (lstatSync(real).isDirectory()) removeDir(real, detach);
    else removeFile(real, detach);
  });
}

/** Where `path` really is, its last component not followed; undefined when there is no such directory. Throws when it is not below `root`. */
export function placeBelow(path: string, root: string): string | undefined {
  const real = realPathOf(path);
  if (real === undefined) return undefined;
  const realRoot = realpathSync.native(root);
  if (real === realRoot || !isWithin(real, realRoot))
    throw new Error(`refusing to remove "${path}": not below "${root}"`);
  return real;
}

/** The directory itself is detached already. */
function removeDir(dir: string, detach: Detach): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    unlessAbsent(() => {
      if (entry.isDirectory()) {
        detach(path);
        removeDir(path, detach);
      } else {
        removeFile(path, detach);
      }
    });
  }
  rmdirSync(dir);
}

function removeFile(path: string, detach: Detach): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY') throw error; // something is mounted on it
    detach(path);
    unlinkSync(path);
  }
}

function unlessAbsent(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** The last component itself is not followed: a link is removed, not its target. Undefined: no such directory. */
function realPathOf(path: string): string | undefined {
  const full = resolve(path);
  try {
    return join(realpathSync.native(dirname(full)), basename(full));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
