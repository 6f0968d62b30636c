import { randomUUID } from 'node:crypto';
import { type Dirent, lstatSync, opendirSync, realpathSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf } from '../../base/errors';
import { isWithin } from './mount-info';

/** Entries of a directory that are held in memory. */
const AT_ONCE = 1000;
/** Half of what the kernel takes: a name of 255 bytes still fits behind it. */
const LONG_PATH_BYTES = 2048;

/** Unmounts what is mounted at a path. */
export type Detach = (path: string) => void;

/** As `removeTree` in dirs.ts; `detach` is called before anything is looked into, since a dead mount would hold up the look. */
export function removeTreeNow(path: string, root: string, detach: Detach): void {
  const real = placeBelow(path, root);
  if (real === undefined) return;
  unlessAbsent(() => {
    detach(real);
    if (lstatSync(real).isDirectory()) new Removal(real, detach).remove(real);
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

/**
 * Of a directory that a container has filled: with millions of files, with directories deeper than any path may be long, with
 * names that are no UTF-8. A directory that no path of ours leads to, or none that is short enough, is moved to the top first.
 */
class Removal {
  constructor(
    private readonly top: string,
    private readonly detach: Detach,
  ) {}

  /** Removes a directory, which is detached already, and what it holds. */
  remove(dir: string): void {
    for (let last: Buffer | undefined; ; ) {
      const entries = someEntries(dir);
      const [first] = entries;
      if (first === undefined) break;
      if (last?.equals(first.name)) throw new Error(`something in "${dir}" cannot be removed`);
      last = first.name;
      for (const entry of entries) unlessAbsent(() => this.removeEntry(dir, entry));
    }
    rmdirSync(dir);
  }

  private removeEntry(dir: string, { name, isDirectory }: Entry): void {
    const path = join(dir, name.toString());
    const ours = Buffer.from(name.toString()).equals(name);
    const exact = ours ? path : Buffer.concat([Buffer.from(`${dir}/`), name]);
    if (!isDirectory) {
      if (ours) removeFile(path, this.detach);
      else unlinkSync(exact);
      return;
    }
    if (ours) this.detach(path);
    if (ours && Buffer.byteLength(path) <= LONG_PATH_BYTES) this.remove(path);
    else renameSync(exact, join(this.top, `.removed-${randomUUID()}`)); // refused where something is mounted
  }
}

interface Entry {
  readonly name: Buffer;
  readonly isDirectory: boolean;
}

/** Some entries of a directory; none when it is empty. */
function someEntries(dir: string): Entry[] {
  // Node takes `buffer` here, as it does for readdir; its types do not say so.
  const listing = opendirSync(dir, { encoding: 'buffer' as BufferEncoding });
  try {
    const found: Entry[] = [];
    while (found.length < AT_ONCE) {
      const entry = listing.readSync() as Dirent<Buffer> | null;
      if (entry === null) break;
      found.push({ name: entry.name, isDirectory: entry.isDirectory() });
    }
    return found;
  } finally {
    listing.closeSync();
  }
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
