import { mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { newSuffix } from './ids';

export interface AtomicFileOptions {
  /** 0600 unless told. */
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
  const dir = dirname(path);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${newSuffix()}.tmp`;
  try {
    const file = await open(temporary, 'wx', options.mode ?? 0o600);
    try {
      await file.writeFile(data);
      if (options.durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  if (!options.durable) return;
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
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
