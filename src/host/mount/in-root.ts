import { closeSync } from 'node:fs';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import type { PlaceKind } from './place';

/** A place inside a root filesystem, held open until `close`. */
export interface OpenPlace {
  /** Names this very place, whatever becomes of the tree: to open it again, also from a child process. */
  readonly handle: string;
  /** Where it is on the host. */
  readonly path: string;
  readonly kind: PlaceKind;
  readonly size: number;
  close(): void;
}

/**
 * Finds a path as a process whose root is `root` would: every symbolic link and `..` on the way, absolute ones too, stays
 * inside. Undefined when there is nothing. Nothing is opened for reading. Rejects with a DeadlineError when the filesystem
 * does not answer: a snapshotter may serve it itself (FUSE).
 */
export async function openInRoot(
  root: string,
  path: string,
  means: Means = hostMeans(),
): Promise<OpenPlace | undefined> {
  const late = (place: { fd: number } | undefined): void => void (place && closeSync(place.fd));
  const place = await kernelCall(means, 'openInRoot', { root, path }, { subject: `${root}: ${path}`, late });
  if (!place) return undefined;
  const { fd, ...what } = place;
  return { ...what, handle: `/proc/${process.pid}/fd/${fd}`, close: () => closeSync(fd) };
}

/** What a path inside a root filesystem is, and where on the host; undefined when there is nothing. */
export async function resolveInRoot(
  root: string,
  path: string,
  means: Means = hostMeans(),
): Promise<{ path: string; kind: PlaceKind } | undefined> {
  const place = await openInRoot(root, path, means);
  place?.close();
  return place && { path: place.path, kind: place.kind };
}
