import { MAX_TIMER_MS } from '../../base/wait/backoff';

/**
 * How long containerd may work at one layer. kubelet's PullImage has no deadline, so a call of containerd that hangs must
 * have one: it holds the lock of the layer, for which every other pull of an image with that layer waits, and kubelet pulls
 * one image after another unless it is told otherwise. A pull that fails is tried again; one that hangs is not. Each limit
 * is far beyond what the work takes where it makes progress, which for want of any sign of it is judged by the bytes.
 * The caller's signal ends the calls as well.
 */

/**
 * Preparing a snapshot takes a local snapshotter milliseconds. A remote one (stargz, SOCI, Nydus) resolves the layer at
 * its registry and mounts it from there meanwhile, with retries of its own.
 */
export const PREPARE_TIMEOUT_MS = 10 * 60_000;

/** What work on a layer takes besides moving its bytes: a busy disk, a snapshot of very many small files. */
const BASE_MS = 10 * 60_000;
/** The slowest disk that still counts as working, in bytes of the compressed layer: a worn SD card under load. */
const BYTES_PER_SECOND = 256 * 1024;

/**
 * Limit for work that goes through all of a layer with `size` bytes, compressed: unpacking it, counting what it takes when
 * its snapshot is committed, writing it out when its blob is committed. Milliseconds; 10 GiB get eleven hours, and no size that
 * a manifest claims gets more than a timer can wait.
 */
export function layerTimeoutMs(size: bigint): number {
  return Math.min(BASE_MS + (Number(size) / BYTES_PER_SECOND) * 1000, MAX_TIMER_MS);
}
