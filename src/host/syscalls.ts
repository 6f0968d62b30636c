import { getSystemErrorMap } from 'node:util';

/** A system call failed; `code` is its errno by name (`EBUSY`), as Node's own errors have it. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  readonly code: string;
  constructor(
    readonly syscall: string,
    readonly errno: number,
    subject = '',
  ) {
    const [code, text] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error'];
    super(`${syscall}${subject && ` ${subject}`}: ${code} (${text})`);
    this.code = code;
  }
}

/**
 * The system calls that Node lacks. All of them block the calling thread and act on it alone (setns, unshare), so they
 * are only for what the kernel answers at once. A failure throws a SyscallError.
 */
export interface Syscalls {
  setns(fd: number, type: number): void;
  unshare(flags: number): void;
  mount(args: { source: string; target: string; type: string; flags: number; data: string }): void;
  umount(target: string, flags: number): void;
  mkfifo(path: string, mode: number): void;
  /** A descriptor that the caller closes. */
  socket(domain: number, type: number): number;
  /** The errno, 0 when it is connected: in progress is no failure. */
  connect(fd: number, address: Buffer): number;
  getsockopt(fd: number, level: number, option: number, bytes: number): Buffer;
  /** What the call returns; `argument` is read and written by the kernel. */
  ioctl(fd: number, request: number, argument: Buffer): number;
  /** A descriptor that the caller closes. */
  openat2(dirfd: number, path: string, how: { flags: number; resolve: number }): number;
  /** False when another open file holds the lock. */
  flockExclusive(fd: number): boolean;
}

/** How this host is acted on: by system calls, or, when koffi cannot load, by spawned tools. */
export interface Means {
  readonly syscalls?: Syscalls;
  /** Why there are no system calls. */
  readonly reason?: string;
}

/** Spawned tools only: what a machine without koffi's binary gets, and what tests ask for. */
export const SPAWNED_TOOLS: Means = { reason: 'asked for' };

/** System calls when koffi loads, else spawned tools. koffi is loaded by the first call, once. */
export const hostMeans: () => Means = once(() => {
  try {
    return { syscalls: bind() };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
});

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

type Native<Args extends unknown[]> = (...args: Args) => number;

/** openat2 has no wrapper in libc; its number is the same on every architecture but alpha. */
const SYS_OPENAT2 = 437;
const LOCK_EX_NB = 2 | 4;
const EWOULDBLOCK = 11;

/**
 * Binds the C functions. A signature that does not match the C one corrupts memory: change one only with the manual
 * page open. ioctl and syscall are declared variadic because some ABIs pass such arguments differently.
 */
function bind(): Syscalls {
  const koffi = require('koffi') as typeof import('koffi');
  const libc = koffi.load(null);
  const native = <Args extends unknown[]>(signature: string) => libc.func(signature) as unknown as Native<Args>;

  const setns = native<[number, number]>('int setns(int fd, int type)');
  const unshare = native<[number]>('int unshare(int flags)');
  const mount = native<[string, string, string, number, string | null]>(
    'int mount(str source, str target, str type, unsigned long flags, str data)',
  );
  const umount2 = native<[string, number]>('int umount2(str target, int flags)');
  const mkfifo = native<[string, number]>('int mkfifo(str path, uint32_t mode)');
  const socket = native<[number, number, number]>('int socket(int domain, int type, int protocol)');
  const connect = native<[number, Buffer, number]>('int connect(int fd, void *address, uint32_t length)');
  const getsockopt = native<[number, number, number, Buffer, Buffer]>(
    'int getsockopt(int fd, int level, int option, void *value, void *length)',
  );
  const ioctl = native<[number, number, 'void *', Buffer]>('int ioctl(int fd, unsigned long request, ...)');
  const flock = native<[number, number]>('int flock(int fd, int operation)');
  const syscall = native<[number, 'int', number, 'str', string, 'void *', Buffer, 'size_t', number]>(
    'long syscall(long number, ...)',
  );

  /** The result of a call that says -1 and sets errno on failure; must be given it before anything else runs. */
  const checked = (result: number, name: string, subject = ''): number => {
    if (result === -1) throw new SyscallError(name, koffi.errno(), subject);
    return result;
  };

  return {
    setns: (fd, type) => void checked(setns(fd, type), 'setns'),
    unshare: (flags) => void checked(unshare(flags), 'unshare'),
    mount: ({ source, target, type, flags, data }) =>
      void checked(mount(source, target, type, flags, data || null), 'mount', JSON.stringify(target)),
    umount: (target, flags) => void checked(umount2(target, flags), 'umount', JSON.stringify(target)),
    mkfifo: (path, mode) => void checked(mkfifo(path, mode), 'mkfifo', JSON.stringify(path)),
    socket: (domain, type) => checked(socket(domain, type, 0), 'socket'),
    connect: (fd, address) => (connect(fd, address, address.length) === -1 ? koffi.errno() : 0),
    getsockopt: (fd, level, option, bytes) => {
      const value = Buffer.alloc(bytes);
      const length = Buffer.alloc(4);
      writeNativeInt(length, bytes);
      checked(getsockopt(fd, level, option, value, length), 'getsockopt');
      return value;
    },
    ioctl: (fd, request, argument) => checked(ioctl(fd, request, 'void *', argument), 'ioctl'),
    openat2: (dirfd, path, { flags, resolve }) => {
      const how = openHow(flags, resolve);
      const fd = syscall(SYS_OPENAT2, 'int', dirfd, 'str', path, 'void *', how, 'size_t', how.length);
      return checked(Number(fd), 'openat2', JSON.stringify(path));
    },
    flockExclusive: (fd) => {
      if (flock(fd, LOCK_EX_NB) === 0) return true;
      const errno = koffi.errno();
      if (errno === EWOULDBLOCK) return false;
      throw new SyscallError('flock', errno);
    },
  };
}

/** `struct open_how`: three 64-bit fields, flags, mode (0: nothing is created) and resolve. */
function openHow(flags: number, resolve: number): Buffer {
  return Buffer.from(new BigUint64Array([BigInt(flags), 0n, BigInt(resolve)]).buffer);
}

/** An `int` in this machine's byte order. */
function writeNativeInt(target: Buffer, value: number): void {
  target.set(new Uint8Array(new Int32Array([value]).buffer));
}
