import { closeSync, openSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import type { Syscalls } from '../syscall/syscalls';

/** Kinds of namespaces that a thread may enter and leave again, as setns and unshare number them. */
export const CLONE_FLAGS = { net: 0x40000000, ipc: 0x08000000, uts: 0x04000000 } as const;

export type ThreadNamespace = keyof typeof CLONE_FLAGS;

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** `struct ifreq`: 16 bytes of name, then a union; 40 bytes on every 64-bit machine. */
const IFREQ_BYTES = 40;
const IFREQ_FLAGS = 16;

/** Runs `act` with this thread in another network namespace: the one at a path, or a new one. As `inNamespaces`. */
export function inNetns<T>(syscalls: Syscalls, where: { path: string } | 'new', act: () => T): T {
  return inNamespaces(syscalls, where === 'new' ? { net: 'new' } : { net: where }, act);
}

/**
 * Runs `act` with this thread in other namespaces: those at paths, or new ones. `act` must be synchronous and start no
 * thread: whatever else ran would be in the wrong namespace. A thread that cannot go back would serve the whole host from
 * inside a pod, so then it ends; with the main thread the process does.
 */
export function inNamespaces<T>(
  syscalls: Syscalls,
  where: Readonly<Partial<Record<ThreadNamespace, { path: string } | 'new'>>>,
  act: () => T,
): T {
  const homes = (Object.keys(where) as ThreadNamespace[]).map((kind) => ({
    kind,
    at: where[kind],
    fd: -1,
    left: false,
  }));
  try {
    for (const home of homes) home.fd = openSync(`/proc/thread-self/ns/${home.kind}`, 'r');
    try {
      leave(syscalls, homes);
      return act();
    } finally {
      for (const { kind, fd, left } of homes) if (left) goHome(syscalls, kind, fd);
    }
  } finally {
    for (const { fd } of homes) if (fd >= 0) closeSync(fd);
  }
}

function leave(
  syscalls: Syscalls,
  homes: { kind: ThreadNamespace; at: { path: string } | 'new' | undefined; left: boolean }[],
): void {
  const fresh = homes.filter(({ at }) => at === 'new');
  if (fresh.length > 0) syscalls.unshare(fresh.reduce((flags, { kind }) => flags | CLONE_FLAGS[kind], 0)); // all or none
  for (const home of fresh) home.left = true;
  for (const home of homes) {
    if (home.at === undefined || home.at === 'new') continue;
    enter(syscalls, home.kind, home.at.path);
    home.left = true;
  }
}

/** Sets the loopback interface of this thread's network namespace up, without a process. */
export function setLoopbackUp(syscalls: Syscalls): void {
  const fd = syscalls.socket(AF_INET, SOCK_DGRAM_CLOEXEC);
  try {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write('lo', 0, 'latin1');
    syscalls.ioctl(fd, SIOCGIFFLAGS, request);
    // A short in this machine's byte order, as the kernel filled it in.
    const flags = new Uint16Array(1);
    const bytes = new Uint8Array(flags.buffer);
    bytes.set(request.subarray(IFREQ_FLAGS, IFREQ_FLAGS + 2));
    flags[0] = (flags[0] ?? 0) | IFF_UP;
    request.set(bytes, IFREQ_FLAGS);
    syscalls.ioctl(fd, SIOCSIFFLAGS, request);
  } finally {
    closeSync(fd);
  }
}

function enter(syscalls: Syscalls, kind: ThreadNamespace, path: string): void {
  const fd = openSync(path, 'r');
  try {
    syscalls.setns(fd, CLONE_FLAGS[kind]);
  } finally {
    closeSync(fd);
  }
}

function goHome(syscalls: Syscalls, kind: ThreadNamespace, home: number): void {
  try {
    syscalls.setns(home, CLONE_FLAGS[kind]);
  } catch {
    if (isMainThread) process.abort();
    process.exit(1); // of a worker, this ends the thread alone
  }
}
