import { closeSync, constants, fstatSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sleep } from '../../base/wait/backoff';
import { hostMeans, type Means } from '../syscall/syscalls';
import { bootId, isDying, startTimeOf } from './proc';

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

/** What a lock file is filled up to with spaces: more than the name of any holder. */
const CONTENT_BYTES = 256;

/**
 * Takes the lock of a state directory, so that two servers never work on it. flock tells for certain; without it, and
 * against a holder without it, the process named in the file counts while it runs. Rejects with a LockedError. A full
 * disk, which has no room for the name, is no reason not to hold the lock where there is flock. The lock of a process that
 * was killed is put aside while the kernel holds up a thread of it (see `untilUnlocked`): that may last for ever.
 */
export async function lockFile(path: string, means: Means = hostMeans()): Promise<LockFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const free = means.syscalls?.flockExclusive(fd) ?? true;
    const holder = await namedHolder(path);
    if (free && !isAt(path, fd)) throw new LockedError(path, 0); // another process has just put it aside
    if (!free || holder !== undefined) {
      const pid = holder ?? (await flockHolder(path)) ?? 0;
      if (free || !isDying(pid)) throw new LockedError(path, pid);
      await putAside(path, pid, means);
      return await lockFile(path, means);
    }
    const named = fill(fd, JSON.stringify(await ourselves()));
    if (named !== undefined && !means.syscalls) throw named;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return {
    release: async () => {
      // Emptied, never removed: two others could then lock two files of one name.
      fill(fd, '');
      closeSync(fd);
    },
  };
}

/**
 * The process that holds a lock now, pid 0 when that is not known; undefined when it is free. `dying`: it was killed, and
 * `lockFile` would succeed. Does not touch the lock.
 */
export async function lockHolder(path: string): Promise<{ pid: number; dying: boolean } | undefined> {
  const pid = (await namedHolder(path)) ?? (await flockHolder(path));
  return pid === undefined ? undefined : { pid, dying: isDying(pid) };
}

/**
 * Resolves when no process that was killed while it held this lock is left: no system call of it can take effect any more.
 * Asks again every `everyMs` milliseconds.
 */
export async function untilUnlocked(path: string, everyMs: number, means: Means = hostMeans()): Promise<void> {
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(`${basename(path)}.killed-`));
  for (const aside of names.map((name) => join(dirname(path), name))) {
    while (isLocked(aside, means)) await sleep(everyMs);
    await rm(aside, { force: true });
  }
}

/** Afterwards the path leads to no lock of process `pid`. Of several who try, one does it at a time. */
async function putAside(path: string, pid: number, means: Means): Promise<void> {
  const guard = openSync(`${path}.guard`, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    if (means.syscalls?.flockExclusive(guard) === false) throw new LockedError(path, 0);
    if ((await flockHolder(path)) === pid && isDying(pid)) renameSync(path, `${path}.killed-${pid}`);
  } finally {
    closeSync(guard);
  }
}

function isLocked(path: string, { syscalls }: Means): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR);
  } catch {
    return false; // another process has seen it free
  }
  const free = syscalls?.flockExclusive(fd) ?? true;
  closeSync(fd);
  return !free;
}

/** Whether an open file is still the one at the path. */
function isAt(path: string, fd: number): boolean {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  const ours = fstatSync(fd, { bigint: true });
  return there?.ino === ours.ino && there.dev === ours.dev;
}

/** Replaces what is in the file in its place: once it has its room on the disk it needs no other. Answers why not. */
function fill(fd: number, text: string): unknown {
  try {
    const bytes = Math.max(CONTENT_BYTES, fstatSync(fd).size);
    writeSync(fd, text.padEnd(bytes, ' '), 0);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function ourselves(): Promise<Holder> {
  const startTime = await startTimeOf(process.pid);
  return { pid: process.pid, startTime: String(startTime ?? ''), boot: await bootId() };
}

/** The process that the file names; undefined when it does not run any more. */
async function namedHolder(path: string): Promise<number | undefined> {
  const holder = await readHolder(path);
  if (holder === undefined || holder.boot !== (await bootId())) return undefined;
  return String(await startTimeOf(holder.pid)) === holder.startTime ? holder.pid : undefined;
}

/** The process that has locked the file by flock, as the kernel lists it; undefined when none is seen there. */
async function flockHolder(path: string): Promise<number | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
    const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
    const file = `${hex(major)}:${hex(minor)}:${ino}`;
    for (const line of (await readFile('/proc/locks', 'utf8')).split('\n')) {
      const [, pid, locked] = /^\d+: FLOCK +ADVISORY +WRITE (-?\d+) (\S+) /.exec(line) ?? [];
      if (locked === file) return Math.max(Number(pid), 0);
    }
    return undefined;
  } catch {
    return undefined; // no such file, or no such list here
  }
}

const hex = (number: bigint): string => number.toString(16).padStart(2, '0');

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const { pid, startTime, boot } = JSON.parse(await readFile(path, 'utf8'));
    return Number.isInteger(pid) ? { pid, startTime: String(startTime), boot: String(boot) } : undefined;
  } catch {
    return undefined; // empty: never held, or its holder died before it wrote
  }
}
