import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { errnoOf } from '../../base/errors';
import type { PipePeeker, PipePoller, Pipes, ReadyPipe } from '../../base/pipes';
import { SyscallError } from './syscalls';

const EAGAIN = 11;
const EINTR = 4;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
const EPOLLHUP = 0x10;
const EPOLLET = 0x8000_0000;
const EVENTS_AT_ONCE = 64;
/** `struct epoll_event` is packed on x86-64 and aligned elsewhere. */
const EVENT = process.arch === 'x64' ? { bytes: 12, data: 4 } : { bytes: 16, data: 8 };

const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const SPLICE_F_NONBLOCK = 2;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
/** How a full disk, or quota, tells. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);
/** What `st_blocks` counts in. */
const BLOCK_BYTES = 512;

type Koffi = typeof import('koffi');
type Native<Args extends unknown[], Result = number> = (...args: Args) => Result;

/** The C functions; a signature that does not match the C one corrupts memory (see syscalls.ts). */
function nativeFunctions(koffi: Koffi) {
  const libc = koffi.load(null);
  const native = <Args extends unknown[], Result = number>(signature: string) =>
    libc.func(signature) as unknown as Native<Args, Result>;
  return {
    epollCreate: native<[number]>('int epoll_create1(int flags)'),
    epollCtl: native<[number, number, number, Buffer]>('int epoll_ctl(int epfd, int op, int fd, void *event)'),
    epollWait: native<[number, Buffer, number, number]>(
      'int epoll_wait(int epfd, _Out_ void *events, int max, int timeout)',
    ),
    tee: native<[number, number, number, number]>(
      'int64_t tee(int fd_in, int fd_out, size_t length, unsigned int flags)',
    ),
    pipe2: native<[Buffer, number]>('int pipe2(_Out_ void *fds, int flags)'),
    fcntl: native<[number, number, 'int', number]>('int fcntl(int fd, int command, ...)'),
    mmap: native<[null, number, number, number, number, number], bigint>(
      'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
    ),
  };
}

/** The functions, and errno as errors. */
class Libc {
  private readonly koffi = require('koffi') as Koffi;
  readonly call = nativeFunctions(this.koffi);

  /** The errno of the call that has just failed. */
  errno(): number {
    return this.koffi.errno();
  }

  /** Must be given the result of a call that says -1 and sets errno before anything else runs. */
  checked(result: number, name: string): number {
    if (result === -1) throw new SyscallError(name, this.koffi.errno());
    return result;
  }

  pipe(): { from: number; to: number } {
    const ends = Buffer.alloc(8);
    this.checked(this.call.pipe2(ends, constants.O_NONBLOCK | O_CLOEXEC), 'pipe2');
    return { from: ends.readInt32LE(0), to: ends.readInt32LE(4) };
  }

  map(fd: number, bytes: number): Buffer {
    const address = this.call.mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
    if (BigInt.asIntN(64, BigInt(address)) === -1n) throw new SyscallError('mmap', this.koffi.errno());
    return Buffer.from(this.koffi.view(address, bytes));
  }
}

/**
 * What a reader of many pipes needs of the kernel that Node does not give: to wait for any of them, to look at what lies
 * in one without taking it, and memory that outlives the process. Throws when koffi cannot load.
 */
export function kernelPipes(): Pipes {
  const libc = new Libc();
  return {
    poller: () => new Epoll(libc),
    peeker: (capacity) => new Tee(libc, capacity),
    setCapacity: (fd, bytes) => {
      libc.call.fcntl(fd, F_SETPIPE_SZ, 'int', bytes); // refused beyond a limit of the machine: then it stays as it was
      return libc.checked(libc.call.fcntl(fd, F_GETPIPE_SZ, 'int', 0), 'fcntl');
    },
    take: readExactly,
    sharedMemory: (path, bytes, onNoRoom) => {
      const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
      try {
        if (allocate(fd, bytes)) return libc.map(fd, bytes);
        onNoRoom?.();
        return takeContent(fd, bytes);
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** Makes a file that `sharedMemory` can be had of later, also when the disk is full by then; false: there is no room for it now. */
export function makeRoom(path: string, bytes: number): boolean {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    return allocate(fd, bytes);
  } finally {
    closeSync(fd);
  }
}

/**
 * Gives a file its size, and all of its pages from the beginning: memory whose page a full disk has no room for ends the
 * process that first writes to it (SIGBUS). What is in it stays. False when there is no room for them.
 */
function allocate(fd: number, bytes: number): boolean {
  ftruncateSync(fd, bytes);
  if (fstatSync(fd).blocks * BLOCK_BYTES >= bytes) return true;
  const content = Buffer.alloc(bytes);
  readSync(fd, content, 0, bytes, 0);
  try {
    return writeSync(fd, content, 0, bytes, 0) === bytes;
  } catch (error) {
    if (NO_ROOM.has(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** What is in a file, as memory of this process alone. The file is emptied: what it says would soon be out of date. */
function takeContent(fd: number, bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  readSync(fd, content, 0, bytes, 0);
  ftruncateSync(fd, 0);
  return content;
}

class Epoll implements PipePoller {
  readonly waker: number;
  private readonly wakened: number;
  private readonly epoll: number;
  private readonly events = Buffer.alloc(EVENT.bytes * EVENTS_AT_ONCE);
  private readonly one = Buffer.alloc(EVENT.bytes);

  constructor(private readonly libc: Libc) {
    this.epoll = libc.checked(libc.call.epollCreate(0), 'epoll_create1');
    const { from, to } = libc.pipe();
    this.wakened = from;
    this.waker = to;
    this.add(from);
  }

  add(fd: number): void {
    this.one.writeUInt32LE((EPOLLIN | EPOLLHUP | EPOLLET) >>> 0, 0);
    this.one.writeInt32LE(fd, EVENT.data);
    this.control(EPOLL_CTL_ADD, fd);
  }

  remove(fd: number): void {
    this.control(EPOLL_CTL_DEL, fd);
  }

  wait(timeoutMs: number): ReadyPipe[] {
    const { libc, events } = this;
    const n = libc.call.epollWait(this.epoll, events, EVENTS_AT_ONCE, timeoutMs);
    if (n === -1 && libc.errno() === EINTR) return [];
    const ready = readyPipes(events, libc.checked(n, 'epoll_wait'));
    if (!ready.some(({ fd }) => fd === this.wakened)) return ready;
    readSync(this.wakened, Buffer.alloc(4096));
    return ready.filter(({ fd }) => fd !== this.wakened);
  }

  close(): void {
    for (const fd of [this.epoll, this.wakened]) closeSync(fd);
  }

  private control(operation: number, fd: number): void {
    this.libc.checked(this.libc.call.epollCtl(this.epoll, operation, fd, this.one), 'epoll_ctl');
  }
}

/** tee(2) copies from one pipe into another and takes nothing out of the first. */
class Tee implements PipePeeker {
  private readonly from: number;
  private readonly to: number;

  constructor(
    private readonly libc: Libc,
    capacity: number,
  ) {
    const { from, to } = libc.pipe();
    this.from = from;
    this.to = to;
    libc.call.fcntl(to, F_SETPIPE_SZ, 'int', capacity); // without it, less is seen at once
  }

  peek(fd: number, into: Buffer): number {
    const { libc } = this;
    const copied = libc.call.tee(fd, this.to, into.length, SPLICE_F_NONBLOCK);
    if (copied === -1 && libc.errno() === EAGAIN) return 0;
    readExactly(this.from, into.subarray(0, libc.checked(copied, 'tee')));
    return copied;
  }

  close(): void {
    closeSync(this.from);
    closeSync(this.to);
  }
}

function readExactly(fd: number, into: Buffer): void {
  for (let n = 0; n < into.length; ) n += readSync(fd, into, n, into.length - n, null);
}

function readyPipes(events: Buffer, n: number): ReadyPipe[] {
  return Array.from({ length: n }, (_, at) => {
    const from = at * EVENT.bytes;
    return { fd: events.readInt32LE(from + EVENT.data), hungUp: (events.readUInt32LE(from) & EPOLLHUP) !== 0 };
  });
}
