import { closeSync, openSync } from 'node:fs';
import type { Syscalls } from './syscalls';

export const CLONE_NEWNET = 0x40000000;

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** `struct ifreq`: 16 bytes of name, then a union; 40 bytes on every 64-bit machine. */
const IFREQ_BYTES = 40;
const IFREQ_FLAGS = 16;

/**
 * Runs `act` with this thread in another network namespace: the one at a path, or a new one. `act` must be synchronous
 * and start no thread: whatever else ran would be in the wrong namespace. A thread that cannot go back would serve the
 * whole host from inside a pod, so then the process aborts.
 */
export function inNetns<T>(syscalls: Syscalls, where: { path: string } | 'new', act: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    if (where === 'new') syscalls.unshare(CLONE_NEWNET);
    else enter(syscalls, where.path);
    try {
      return act();
    } finally {
      goHome(syscalls, home);
    }
  } finally {
    closeSync(home);
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

function enter(syscalls: Syscalls, path: string): void {
  const fd = openSync(path, 'r');
  try {
    syscalls.setns(fd, CLONE_NEWNET);
  } finally {
    closeSync(fd);
  }
}

function goHome(syscalls: Syscalls, home: number): void {
  try {
    syscalls.setns(home, CLONE_NEWNET);
  } catch {
    process.abort();
  }
}
