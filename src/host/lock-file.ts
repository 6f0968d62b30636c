import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bootId, startTimeOf } from './proc';
import { hostMeans, type Means } from './syscalls';

/** A lock that this process holds until `release` or its end. */
export interface LockFile {
  release(): Promise<void>;
}

/** Another process holds the lock; `pid` is 0 when its file does not say. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
  constructor(
    readonly path: string,
    readonly pid: number,
  ) {
    super(`another server (pid ${pid || 'unknown'}) uses this directory: "${path}" is locked`);
  }
}

/** Who holds it: a pid alone is used again, with the boot and its start time it is not. */
interface Holder {
  readonly pid: number;
  readonly startTime: string;
  readonly boot: string;
}

/**
 * Takes the lock of a state directory, so that two servers never work on it. flock tells for certain; without it, and
 * against a holder without it, the process named in the file counts while it runs. Rejects with a LockedError.
 */
export async function lockFile(path: string, means: Means = hostMeans()): Promise<LockFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, 'a', 0o600);
  try {
    const free = means.syscalls?.flockExclusive(fd) ?? true;
    const holder = await readHolder(path);
    const alive = holder !== undefined && (await runs(holder));
    if (!free || alive) throw new LockedError(path, holder?.pid ?? 0);
    await writeFile(path, JSON.stringify(await ourselves()));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return {
    release: async () => {
      // Emptied, never removed: two others could then lock two files of one name.
      await truncate(path).catch(() => undefined);
      closeSync(fd);
    },
  };
}

async function ourselves(): Promise<Holder> {
  const startTime = await startTimeOf(process.pid);
  return { pid: process.pid, startTime: String(startTime ?? ''), boot: await bootId() };
}

async function runs(holder: Holder): Promise<boolean> {
  if (holder.boot !== (await bootId())) return false;
  return String(await startTimeOf(holder.pid)) === holder.startTime;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const { pid, startTime, boot } = JSON.parse(await readFile(path, 'utf8'));
    return Number.isInteger(pid) ? { pid, startTime: String(startTime), boot: String(boot) } : undefined;
  } catch {
    return undefined; // empty: never held, or its holder died before it wrote
  }
}
