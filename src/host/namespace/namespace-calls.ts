import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { errorMessage } from '../../base/errors';
import { BadInputError } from '../bad-input';
import { MS_BIND } from '../mount/mount-options';
import { linesOfNow } from '../mount/read-locally';
import type { Syscalls } from '../syscall/syscalls';
import { inNamespaces, inNetns, setLoopbackUp, type ThreadNamespace } from './in-netns';

/** Where a namespace of a kind is pinned, or is to be. */
export interface PinnedAt {
  readonly kind: ThreadNamespace;
  readonly path: string;
}

/** A file below /proc/sys, and what to call it in an error. */
export interface Setting {
  readonly what: string;
  readonly path: string;
  readonly value: string;
}

/** Makes new namespaces and mounts each on its file, which must be there; a network's loopback is up. */
export function pinByCall(syscalls: Syscalls, pins: readonly PinnedAt[]): void {
  inNamespaces(syscalls, Object.fromEntries(pins.map(({ kind }) => [kind, 'new'])), () => {
    if (pins.some(({ kind }) => kind === 'net')) setLoopbackUp(syscalls);
    for (const { kind, path } of pins) {
      const source = `/proc/thread-self/ns/${kind}`;
      syscalls.mount({ source, target: path, type: 'none', flags: MS_BIND, data: '' });
    }
  });
}

/** Writes settings inside of pinned namespaces. Throws a BadInputError for the first that the kernel refuses. */
export function setByCall(syscalls: Syscalls, pins: readonly PinnedAt[], settings: readonly Setting[]): void {
  inNamespaces(syscalls, Object.fromEntries(pins.map(({ kind, path }) => [kind, { path }])), () => {
    for (const { what, path, value } of settings) {
      try {
        writeSetting(path, value);
      } catch (error) {
        throw new BadInputError(`${what} cannot be set to ${JSON.stringify(value)}: ${errorMessage(error)}`);
      }
    }
  });
}

/** Some may only be written: opening for more would be refused. The kernel looks at the writing thread's namespaces. */
function writeSetting(path: string, value: string): void {
  const fd = openSync(path, constants.O_WRONLY);
  try {
    writeSync(fd, value);
  } finally {
    closeSync(fd);
  }
}

/** Sets the loopback of a pinned network namespace up. */
export function loopbackUpByCall(syscalls: Syscalls, path: string): void {
  inNetns(syscalls, { path }, () => setLoopbackUp(syscalls));
}

/**
 * A container that administers its pod's network may make as many interfaces as it likes. Of more than some thousand, which
 * have 120 bytes each, the first ones are told: the pod's own is among them.
 */
export const NET_DEV_BYTES = 128 * 1024;

/** The text of /proc/net/dev in a pinned network namespace. */
export function netDevByCall(syscalls: Syscalls, path: string): string {
  return inNetns(syscalls, { path }, () => netDevNow('thread-self'));
}

/** The same as a process sees it. */
export function netDevNow(pid: number | 'thread-self'): string {
  return linesOfNow(`/proc/${pid}/net/dev`, NET_DEV_BYTES);
}

const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0x800 | 0x80000;

/** A socket that belongs to a pinned network namespace: a descriptor that the caller closes. */
export function socketByCall(syscalls: Syscalls, path: string, domain: number): number {
  return inNetns(syscalls, { path }, () => syscalls.socket(domain, SOCK_STREAM_NONBLOCK_CLOEXEC));
}
