import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { once } from '../../base/work/once';
import { hostMeans, SyscallError } from '../syscall/syscalls';
import { type End, killGroup, type Program, type Running, untilGroupGone } from './program';

type Koffi = typeof import('koffi');
type Native<Args extends unknown[]> = (...args: Args) => number;
type Answer = (error: unknown, result: number) => void;
type SpawnArgs = [Buffer, string, Buffer, Buffer, (string | null)[], (string | null)[]];

const O_CLOEXEC = 0o2000000;
const WNOHANG = 1;
const ECHILD = 10;
/** posix_spawnattr_setflags(3), as glibc and musl number them. */
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
/** What an empty pipe takes without waiting (pipe(7)): one page, where a user has too many pages in pipes. */
const PIPE_BYTES = 4096;
/** Room for the C library's opaque structs: glibc has the largest, of 336, 80 and 128 bytes. */
const ATTR_BYTES = 512;
const ACTIONS_BYTES = 256;
const SIGSET_BYTES = 128;
/** How long a program that has closed its output is waited for between two looks. */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 500;

/** The C functions; a signature that does not match the C one corrupts memory (see syscalls.ts). */
function bind() {
  const koffi = require('koffi') as Koffi;
  const libc = koffi.load(null);
  const native = <Args extends unknown[]>(signature: string) => libc.func(signature) as unknown as Native<Args>;
  const spawn = libc.func(
    'int posix_spawnp(_Out_ void *pid, str file, void *actions, void *attr, str *argv, str *envp)',
  ) as unknown as { async(...args: [...SpawnArgs, Answer]): void };
  return {
    errno: () => koffi.errno(),
    spawn,
    initAttr: native<[Buffer]>('int posix_spawnattr_init(_Out_ void *attr)'),
    setFlags: native<[Buffer, number]>('int posix_spawnattr_setflags(void *attr, short flags)'),
    setDefault: native<[Buffer, Buffer]>('int posix_spawnattr_setsigdefault(void *attr, void *set)'),
    setMask: native<[Buffer, Buffer]>('int posix_spawnattr_setsigmask(void *attr, void *set)'),
    destroyAttr: native<[Buffer]>('int posix_spawnattr_destroy(void *attr)'),
    fillSet: native<[Buffer]>('int sigfillset(_Out_ void *set)'),
    initActions: native<[Buffer]>('int posix_spawn_file_actions_init(_Out_ void *actions)'),
    addDup: native<[Buffer, number, number]>('int posix_spawn_file_actions_adddup2(void *actions, int fd, int newfd)'),
    addChdir: native<[Buffer, string]>('int posix_spawn_file_actions_addchdir_np(void *actions, str path)'),
    destroyActions: native<[Buffer]>('int posix_spawn_file_actions_destroy(void *actions)'),
    pipe: native<[Buffer, number]>('int pipe2(_Out_ void *fds, int flags)'),
    wait: native<[number, Buffer, number]>('int waitpid(int pid, _Out_ void *status, int options)'),
  };
}

type Libc = ReturnType<typeof bind>;

/** Undefined where koffi cannot load, or the C library lacks a function: addchdir_np is younger than the rest. */
const libcOf: () => Libc | undefined = once(() => {
  try {
    return hostMeans().syscalls && bind();
  } catch {
    return undefined;
  }
});

/**
 * Starts a program by posix_spawn(3) on a thread of Node's pool; undefined where that cannot be. Node's own way forks this
 * process and blocks its only thread until the program is loaded, which on a busy machine takes milliseconds. The program
 * inherits what Node's own would: no descriptor but its three, no handler and no blocked signal. Node does not know it: it
 * is waited for here, once its output has ended.
 */
export function posixSpawn(program: Program): Running | undefined {
  const libc = libcOf();
  if (!libc) return undefined;
  const pipes = openPipes(libc);
  const stdin = feed(pipes[0].to, program.input);
  const stdout = new Socket({ fd: pipes[1].from, readable: true, writable: false });
  const stderr = new Socket({ fd: pipes[2].from, readable: true, writable: false });
  const streams = stdin ? [stdin, stdout, stderr] : [stdout, stderr];
  for (const stream of streams) stream.on('error', () => undefined); // it may end without reading
  let abandoned = false;
  const started = start(libc, program, [pipes[0].from, pipes[1].to, pipes[2].to]);
  const read = Promise.all([closed(stdout), closed(stderr)]);
  const run = async (): Promise<End> => {
    const pid = await started;
    await read;
    stdin?.destroy();
    return reaped(libc, pid, () => abandoned);
  };
  const abandon = (): void => {
    if (abandoned) return;
    abandoned = true;
    for (const stream of streams) stream.destroy();
    started.then(killGroup, () => undefined);
  };
  const ended = run();
  ended.catch(abandon);
  return { stdout, stderr, ended, abandon, gone: (ms) => untilGroupGone(started, ms) };
}

/** Writes a program's input into its pipe. What any pipe holds is in it at once; the stream that writes more is answered. */
function feed(fd: number, input: string | Buffer): Socket | undefined {
  const bytes = Buffer.from(input);
  if (bytes.length > PIPE_BYTES) {
    const stdin = new Socket({ fd, readable: false, writable: true });
    stdin.end(bytes);
    return stdin;
  }
  if (bytes.length > 0) writeSync(fd, bytes);
  closeSync(fd);
  return undefined;
}

type Pipe = { readonly from: number; readonly to: number };

/** Three pipes, or none when descriptors run out. */
function openPipes(libc: Libc): [Pipe, Pipe, Pipe] {
  const opened: Pipe[] = [];
  try {
    for (let i = 0; i < 3; i++) {
      const ends = Buffer.alloc(8);
      if (libc.pipe(ends, O_CLOEXEC) === -1) throw new SyscallError('pipe2', libc.errno());
      const [from = -1, to = -1] = new Int32Array(ends.buffer, ends.byteOffset, 2);
      opened.push({ from, to });
    }
    return opened as [Pipe, Pipe, Pipe];
  } catch (error) {
    for (const { from, to } of opened) [from, to].forEach((fd) => void closeSync(fd));
    throw error;
  }
}

/** Answers the program's pid; afterwards its ends of the pipes are closed here. */
async function start(libc: Libc, { argv, env, cwd }: Program, stdio: readonly number[]): Promise<number> {
  const [attr, actions] = [Buffer.alloc(ATTR_BYTES), Buffer.alloc(ACTIONS_BYTES)];
  const [all, pid] = [Buffer.alloc(SIGSET_BYTES), Buffer.alloc(4)];
  libc.initAttr(attr);
  libc.setFlags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  libc.fillSet(all);
  libc.setDefault(attr, all);
  libc.setMask(attr, Buffer.alloc(SIGSET_BYTES));
  libc.initActions(actions);
  libc.addChdir(actions, cwd);
  stdio.forEach((fd, at) => void libc.addDup(actions, fd, at));
  const entries = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  try {
    const errno = await new Promise<number>((resolve, reject) => {
      const answer: Answer = (error, result) => (error ? reject(error) : resolve(result));
      libc.spawn.async(pid, argv[0], actions, attr, [...argv, null], [...entries, null], answer);
    });
    if (errno !== 0) throw new SyscallError('spawn', errno, argv[0]);
    return new Int32Array(pid.buffer, pid.byteOffset, 1)[0] ?? -1;
  } finally {
    libc.destroyActions(actions);
    libc.destroyAttr(attr);
    for (const fd of stdio) closeSync(fd);
  }
}

/** Waits until a program that has closed its output has ended, and takes its status, so that the kernel forgets it. */
async function reaped(libc: Libc, pid: number, abandoned: () => boolean): Promise<End> {
  const status = Buffer.alloc(4);
  for (let ms = FIRST_LOOK_MS; ; ms = Math.min(2 * ms, LAST_LOOK_MS)) {
    const found = libc.wait(pid, status, WNOHANG);
    if (found === pid) return statusOf(new Int32Array(status.buffer, status.byteOffset, 1)[0] ?? 0);
    if (found === -1 && libc.errno() === ECHILD) throw new SyscallError('waitpid', ECHILD);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      if (abandoned()) timer.unref();
    });
  }
}

/** As wait(2) says it: the signal in the low seven bits, else the exit code in the next byte. */
function statusOf(status: number): End {
  const number = status & 0x7f;
  if (number === 0) return { code: (status >> 8) & 0xff, signal: null };
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return { code: null, signal: (name ?? 'SIGKILL') as NodeJS.Signals };
}

const closed = (stream: Socket): Promise<void> => new Promise((resolve) => void stream.once('close', () => resolve()));
