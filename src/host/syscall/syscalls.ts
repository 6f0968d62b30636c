import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { once } from '../../base/work/once';
import { ThreadPool, type Threads } from './thread-pool';

/** A system call failed; `code` is its errno by name (`EBUSY`), as Node's own errors have it. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  readonly code: string;
  constructor(
    readonly syscall: string,
    readonly errno: number,
    readonly subject = '',
  ) {
    const [code, text] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error'];
    super(`${syscall}${subject && ` ${subject}`}: ${code} (${text})`);
    this.code = code;
  }
}

/**
 * The system calls that Node lacks. All of them block the calling thread, and setns, unshare and (after unshare) chdir act
 * on it alone. What the kernel may hold up is called on a thread of its own: see kernel-jobs.ts. A failure throws a
 * SyscallError.
 */
export interface Syscalls {
  setns(fd: number, type: number): void;
  unshare(flags: number): void;
  mount(args: { source: string; target: string; type: string; flags: number; data: string }): void;
  umount(target: string, flags: number): void;
  /** The working directory of this thread and of those that share it. */
  chdir(path: string): void;
  mkfifo(path: string, mode: number): void;
  /** A descriptor that the caller closes. */
  socket(domain: number, type: number): number;
  /** The errno, 0 when it is connected: in progress is no failure. */
  connect(fd: number, address: Buffer): number;
  /** The next connection of a socket that listens, non-blocking, which the caller closes; undefined when none waits. */
  accept(fd: number): number | undefined;
  /** Sends one datagram to that address (`struct sockaddr`), and copies of open descriptors with it; EAGAIN when it would wait. */
  sendTo(fd: number, address: Buffer, message: { data: Buffer; fds: readonly number[] }): void;
  getsockopt(fd: number, level: number, option: number, bytes: number): Buffer;
  /** What the call returns; `argument` is read and written by the kernel. */
  ioctl(fd: number, request: number, argument: Buffer): number;
  /** A descriptor that the caller closes. */
  openat2(dirfd: number, path: string, how: { flags: number; resolve: number }): number;
  /** A copy of the mount that `path` lies on, as a descriptor that the caller closes: in no tree until it is moved there. */
  cloneMount(path: string): number;
  /** Makes such a copy read-only, its ids those of the user namespace behind `usernsFd`. */
  shiftMount(fd: number, usernsFd: number): void;
  /** Puts such a copy at `target`. */
  moveMount(fd: number, target: string): void;
  /** False when another open file holds the lock. */
  flockExclusive(fd: number): boolean;
  /** Ends this process at once: no exit handlers, and no waiting for threads. */
  exitNow(code: number): void;
}

/** How this host is acted on: by system calls, or, when koffi cannot load, by spawned tools. */
export interface Means {
  readonly syscalls?: Syscalls;
  /** Why there are no system calls. */
  readonly reason?: string;
  /** Where calls are made that the kernel may hold up; left out: on the calling thread. */
  readonly threads?: Threads;
}

/** Spawned tools only: what a machine without koffi's binary gets, and what tests ask for. */
export const SPAWNED_TOOLS: Means = { reason: 'asked for' };

/** System calls when koffi loads, else spawned tools. koffi is loaded by the first call, once. */
export const hostMeans: () => Means = once(() => {
  try {
    const syscalls = bind();
    return { syscalls, threads: hostThreads((code) => syscalls.exitNow(code)) };
  } catch (error) {
    const threads = hostThreads(() => process.kill(process.pid, 'SIGKILL'));
    return { reason: error instanceof Error ? error.message : String(error), threads };
  }
});

/** What a thread runs is a file beside the bundle. Without it, as in sources, calls are made on the calling thread. */
function hostThreads(exitNow: (code: number) => void): Threads | undefined {
  const program = join(__dirname, 'crisp-host.js');
  return existsSync(program) ? new ThreadPool({ program, exitNow }) : undefined;
}

type Native<Args extends unknown[]> = (...args: Args) => number;

/** These have no wrapper in every libc; their numbers are the same on every architecture but alpha. */
const SYS_OPEN_TREE = 428;
const SYS_MOVE_MOUNT = 429;
const SYS_OPENAT2 = 437;
const SYS_MOUNT_SETATTR = 442;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const O_CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOUNT_ATTR_RDONLY = 0x1;
const MOUNT_ATTR_IDMAP = 0x100000;
const LOCK_EX_NB = 2 | 4;
const EWOULDBLOCK = 11;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;

type Koffi = typeof import('koffi');

/**
 * The C functions. A signature that does not match the C one corrupts memory: change one only with its manual page open.
 * ioctl and syscall are variadic, as in C, because some ABIs pass such arguments differently.
 */
function nativeFunctions(koffi: Koffi) {
  const libc = koffi.load(null);
  const native = <Args extends unknown[]>(signature: string) => libc.func(signature) as unknown as Native<Args>;
  return {
    setns: native<[number, number]>('int setns(int fd, int type)'),
    unshare: native<[number]>('int unshare(int flags)'),
    mount: native<[string, string, string, number, string | null]>(
      'int mount(str source, str target, str type, unsigned long flags, str data)',
    ),
    umount2: native<[string, number]>('int umount2(str target, int flags)'),
    chdir: native<[string]>('int chdir(str path)'),
    exitNow: native<[number]>('void _exit(int status)'),
    mkfifo: native<[string, number]>('int mkfifo(str path, uint32_t mode)'),
    socket: native<[number, number, number]>('int socket(int domain, int type, int protocol)'),
    connect: native<[number, Buffer, number]>('int connect(int fd, void *address, uint32_t length)'),
    accept4: native<[number, null, null, number]>('int accept4(int fd, void *address, void *length, int flags)'),
    sendmsg: native<[number, Buffer, number]>('int64_t sendmsg(int fd, void *message, int flags)'),
    getsockopt: native<[number, number, number, Buffer, Buffer]>(
      'int getsockopt(int fd, int level, int option, void *value, void *length)',
    ),
    ioctl: native<[number, number, 'void *', Buffer]>('int ioctl(int fd, unsigned long request, ...)'),
    flock: native<[number, number]>('int flock(int fd, int operation)'),
    syscall: native<[number, ...Typed[]]>('long syscall(long number, ...)'),
  };
}

/** Arguments of a variadic function: each is preceded by its type. */
type Typed = string | number | Buffer;

/** Answers the result of a call, or throws: to be given it before anything else runs, since that sets errno too. */
type Checked = (result: number, name: string, subject?: string) => number;

function bind(): Syscalls {
  const koffi = require('koffi') as Koffi;
  const libc = nativeFunctions(koffi);
  const checked: Checked = (result, name, subject) => {
    if (result === -1) throw new SyscallError(name, koffi.errno(), subject && JSON.stringify(subject));
    return result;
  };
  return {
    setns: (fd, type) => void checked(libc.setns(fd, type), 'setns'),
    unshare: (flags) => void checked(libc.unshare(flags), 'unshare'),
    mount: ({ source, target, type, flags, data }) =>
      void checked(libc.mount(source, target, type, flags, data || null), 'mount', target),
    umount: (target, flags) => void checked(libc.umount2(target, flags), 'umount', target),
    chdir: (path) => void checked(libc.chdir(path), 'chdir', path),
    exitNow: (code) => void libc.exitNow(code),
    mkfifo: (path, mode) => void checked(libc.mkfifo(path, mode), 'mkfifo', path),
    socket: (domain, type) => checked(libc.socket(domain, type, 0), 'socket'),
    connect: (fd, address) => (libc.connect(fd, address, address.length) === -1 ? koffi.errno() : 0),
    accept: (fd) => {
      const accepted = libc.accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted !== -1) return accepted;
      const errno = koffi.errno();
      if (errno === EWOULDBLOCK) return undefined;
      throw new SyscallError('accept4', errno);
    },
    sendTo: (fd, address, { data, fds }) => {
      const pointer = (buffer: Buffer): bigint => BigInt(koffi.address(buffer));
      // In variables: what is pointed at must outlive the call.
      const control = fds.length > 0 ? passedDescriptors(fds) : undefined;
      const vector = Buffer.from(new BigUint64Array([pointer(data), BigInt(data.length)]).buffer);
      const message = messageHeader({
        name: { at: pointer(address), bytes: address.length },
        vector: pointer(vector),
        control: control && { at: pointer(control), bytes: control.length },
      });
      checked(libc.sendmsg(fd, message, MSG_DONTWAIT), 'sendmsg');
    },
    getsockopt: (fd, level, option, bytes) => {
      const value = Buffer.alloc(bytes);
      checked(libc.getsockopt(fd, level, option, value, nativeInt(bytes)), 'getsockopt');
      return value;
    },
    ioctl: (fd, request, argument) => checked(libc.ioctl(fd, request, 'void *', argument), 'ioctl'),
    openat2: (dirfd, path, { flags, resolve }) => {
      const how = openHow(flags, resolve);
      const fd = libc.syscall(SYS_OPENAT2, 'int', dirfd, 'str', path, 'void *', how, 'size_t', how.length);
      return checked(Number(fd), 'openat2', path);
    },
    ...mountCopyCalls(libc, checked),
    flockExclusive: (fd) => {
      if (libc.flock(fd, LOCK_EX_NB) === 0) return true;
      const errno = koffi.errno();
      if (errno === EWOULDBLOCK) return false;
      throw new SyscallError('flock', errno);
    },
  };
}

function mountCopyCalls(
  libc: ReturnType<typeof nativeFunctions>,
  checked: Checked,
): Pick<Syscalls, 'cloneMount' | 'shiftMount' | 'moveMount'> {
  return {
    cloneMount: (path) => {
      const flags = OPEN_TREE_CLONE | O_CLOEXEC;
      const fd = libc.syscall(SYS_OPEN_TREE, 'int', AT_FDCWD, 'str', path, 'unsigned int', flags);
      return checked(Number(fd), 'open_tree', path);
    },
    shiftMount: (fd, usernsFd) => {
      const attr = mountAttr(MOUNT_ATTR_RDONLY | MOUNT_ATTR_IDMAP, usernsFd);
      const at = ['int', fd, 'str', '', 'unsigned int', AT_EMPTY_PATH] as const;
      const result = libc.syscall(SYS_MOUNT_SETATTR, ...at, 'void *', attr, 'size_t', attr.length);
      checked(Number(result), 'mount_setattr');
    },
    moveMount: (fd, target) => {
      const [from, to] = [['int', fd, 'str', ''] as const, ['int', AT_FDCWD, 'str', target] as const];
      const result = libc.syscall(SYS_MOVE_MOUNT, ...from, ...to, 'unsigned int', MOVE_MOUNT_F_EMPTY_PATH);
      checked(Number(result), 'move_mount', target);
    },
  };
}

/** `struct open_how`: three 64-bit fields, flags, mode (0: nothing is created) and resolve. */
function openHow(flags: number, resolve: number): Buffer {
  return Buffer.from(new BigUint64Array([BigInt(flags), 0n, BigInt(resolve)]).buffer);
}

/** `struct mount_attr`: four 64-bit fields, what to set, what to clear, propagation and the user namespace. */
function mountAttr(set: number, usernsFd: number): Buffer {
  return Buffer.from(new BigUint64Array([BigInt(set), 0n, 0n, BigInt(usernsFd)]).buffer);
}

interface Pointed {
  readonly at: bigint;
  readonly bytes: number;
}

/** `struct msghdr` of a 64-bit machine: name and length, one vector, control and length, flags. */
function messageHeader({ name, vector, control }: { name: Pointed; vector: bigint; control?: Pointed }): Buffer {
  const { at, bytes } = control ?? { at: 0n, bytes: 0 };
  return Buffer.from(new BigUint64Array([name.at, BigInt(name.bytes), vector, 1n, at, BigInt(bytes), 0n]).buffer);
}

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const CMSG_BYTES = 16;

/** A control message with descriptors: `struct cmsghdr` of a 64-bit machine, then an int for each, padded to eight bytes. */
function passedDescriptors(fds: readonly number[]): Buffer {
  const bytes = CMSG_BYTES + 4 * fds.length;
  const control = Buffer.alloc(Math.ceil(bytes / 8) * 8);
  control.set(new Uint8Array(new BigUint64Array([BigInt(bytes)]).buffer), 0);
  control.set(new Uint8Array(new Int32Array([SOL_SOCKET, SCM_RIGHTS, ...fds]).buffer), 8);
  return control;
}

/** An `int` in this machine's byte order. */
function nativeInt(value: number): Buffer {
  return Buffer.from(new Int32Array([value]).buffer);
}
