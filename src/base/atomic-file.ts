import * as fs from 'node:fs';
import { mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from './errors';
import { newSuffix } from './ids';

// By number: each step of a FileHandle costs more, and a pod has eight such files.
const openFile = promisify(fs.open);
const writeAll = promisify(fs.writeFile);
const sync = promisify(fs.fsync);
const chmod = promisify(fs.fchmod);

export interface AtomicFileOptions {
  /** Exactly, whatever the umask; 0600 unless told. */
  readonly mode?: number;
  /** Also after a power cut the file has the new content. Costs two waits for the disk. */
  readonly durable?: boolean;
}

/**
 * Writes a file so that a reader, also one after this process has been killed, finds the old content or the new, never a
 * part of it: a temporary file in the same directory, then rename. After a power cut a file that is not `durable` may have
 * its old content, none, or be absent: enough for what tells of processes, mounts and namespaces, which are gone then too.
 * The directory is made (0700) if absent.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Buffer,
  options: AtomicFileOptions = {},
): Promise<void> {
  const temporary = `${path}.${newSuffix()}.tmp`;
  try {
    const file = await openNew(temporary, options.mode ?? 0o600);
    try {
      await writeAll(file, data);
      if (options.durable) await sync(file);
    } finally {
      fs.closeSync(file); // which waits for nothing
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  if (!options.durable) return;
  const dir = await openFile(dirname(path), 'r');
  try {
    await sync(dir);
  } finally {
    fs.closeSync(dir);
  }
}

/** A file that was not there, open for writing. */
async function openNew(path: string, mode: number): Promise<number> {
  const file = await openFile(path, 'wx', mode).catch(async (error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return openFile(path, 'wx', mode);
  });
  if ((fs.fstatSync(file).mode & 0o777) === mode) return file;
  try {
    await chmod(file, mode);
    return file;
  } catch (error) {
    fs.closeSync(file);
    throw error;
  }
}

const TEMPORARY = /\.[0-9a-f]+\.tmp$/;

/** Removes from a directory what a process that was killed was writing: temporary files older than this process. Never rejects. */
export async function removeTorn(dir: string): Promise<void> {
  const names = await readdir(dir).catch(() => []);
  for (const path of names.filter((name) => TEMPORARY.test(name)).map((name) => join(dir, name))) {
    const written = await stat(path).catch(() => undefined);
    if (written && written.mtimeMs < performance.timeOrigin) await unlink(path).catch(() => undefined);
  }
}
