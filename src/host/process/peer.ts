import { closeSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { hostMeans, type Means, SyscallError, type Syscalls } from '../syscall/syscalls';
import { AF_UNIX, MAX_SOCKET_PATH, unixAddress } from './unix-address';

const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0x800 | 0x80000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: pid, uid and gid, 4 bytes each. */
const UCRED_BYTES = 12;

/**
 * The pid of the process that listens on a unix socket, as this process's pid namespace numbers it; undefined when nobody
 * does, or when it is outside of this pid namespace.
 */
export async function pidBehindSocket(path: string, means: Means = hostMeans()): Promise<number | undefined> {
  const { syscalls } = means;
  const fits = Buffer.byteLength(path) <= MAX_SOCKET_PATH;
  const pid = syscalls !== undefined && fits ? peerPid(syscalls, path) : undefined;
  return pid ?? (await listenerPid(path));
}

function peerPid(syscalls: Syscalls, path: string): number | undefined {
  const fd = syscalls.socket(AF_UNIX, SOCK_STREAM_NONBLOCK_CLOEXEC);
  try {
    if (syscalls.connect(fd, unixAddress(path)) !== 0) return undefined;
    const [pid] = new Int32Array(new Uint8Array(syscalls.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, UCRED_BYTES)).buffer);
    return pid !== undefined && pid > 0 ? pid : undefined;
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Finds the listening socket in /proc/net/unix and then who has it open. */
async function listenerPid(path: string, procRoot = '/proc'): Promise<number | undefined> {
  const inode = listenerInode(await readFile(join(procRoot, 'net/unix'), 'utf8'), path);
  if (inode === undefined) return undefined;
  const pids = (await readdir(procRoot)).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (await hasOpen(join(procRoot, pid, 'fd'), `socket:[${inode}]`)) return Number(pid);
  }
  return undefined;
}

/** Inode of the socket that listens at `path`, from the text of /proc/net/unix. */
export function listenerInode(text: string, path: string): string | undefined {
  // Num RefCount Protocol Flags Type St Inode Path; the flag 0x10000 says that it listens.
  const fields = text.split('\n').map((line) => line.trim().split(/ +/));
  const found = fields.find((field) => field[3] === '00010000' && field.slice(7).join(' ') === path);
  return found?.[6];
}

async function hasOpen(fdDir: string, target: string): Promise<boolean> {
  const names = await readdir(fdDir).catch(() => []);
  for (const name of names) {
    if ((await readlink(join(fdDir, name)).catch(() => '')) === target) return true;
  }
  return false;
}
