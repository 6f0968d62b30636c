import { within } from '../base/deadline';
import { newSuffix } from '../base/ids';
import type { ListedImage } from '../model/image';
import type { LifecycleDeps } from './deps';

/** The files of an image from which users and groups are looked up. */
export interface UserFileContents {
  readonly passwd?: Buffer;
  readonly group?: Buffer;
}

/** Images whose files are remembered; an image never changes, so neither do they. */
const MAX_REMEMBERED = 256;
/** A view takes a local snapshotter milliseconds; a remote one may have to mount the image's layers again. */
const VIEW_TIMEOUT_MS = 5 * 60_000;
/**
 * Mounting and reading besides. Callers share one reading, so this is what ends one that hangs, and lets the next caller try
 * anew. Shorter than the life of the lease.
 */
const READ_TIMEOUT_MS = 8 * 60_000;

/** Reads /etc/passwd and /etc/group of images, inside their root filesystem only, and remembers them. */
export class UserFiles {
  private readonly remembered = new Map<string, Promise<UserFileContents>>();

  constructor(private readonly deps: Pick<LifecycleDeps, 'containerd' | 'host' | 'paths'>) {}

  /** The files of `image` as `snapshotter` unpacked it; a file that is not there is undefined. */
  of(image: ListedImage, snapshotter: string): Promise<UserFileContents> {
    const key = `${snapshotter} ${image.chainId}`;
    const known = this.remembered.get(key);
    if (known) return known;
    const reading = within(READ_TIMEOUT_MS, 'reading the users of an image', () => this.read(image, snapshotter));
    this.remembered.set(key, reading);
    reading.catch(() => {
      if (this.remembered.get(key) === reading) this.remembered.delete(key);
    });
    const [oldest] = this.remembered.keys();
    if (this.remembered.size > MAX_REMEMBERED && oldest !== undefined) this.remembered.delete(oldest);
    return reading;
  }

  private read(image: ListedImage, snapshotter: string): Promise<UserFileContents> {
    return withImageMounted(this.deps, { image, snapshotter }, async (rootfs) => ({
      passwd: await this.deps.host.readInRootfs(rootfs, '/etc/passwd'),
      group: await this.deps.host.readInRootfs(rootfs, '/etc/group'),
    }));
  }
}

/** Runs `act` with the image mounted read-only; afterwards mount, view and lease are gone again. */
export async function withImageMounted<T>(
  deps: Pick<LifecycleDeps, 'containerd' | 'host' | 'paths'>,
  what: { image: ListedImage; snapshotter: string },
  act: (rootfs: string) => Promise<T>,
): Promise<T> {
  const { snapshots, leases } = deps.containerd;
  const { snapshotter, image } = what;
  const key = `crisp-view-${newSuffix()}`;
  const dir = deps.paths.scratch(key);
  await leases.create({ id: key, labels: { 'containerd.io/gc.expire': inTenMinutes() } });
  try {
    const options = { lease: key, timeoutMs: VIEW_TIMEOUT_MS };
    const mounts = await snapshots.view({ snapshotter, key, parent: image.chainId }, options);
    await deps.host.makeDir(dir, 0o700);
    await deps.host.mountAll(mounts, dir, { readonly: true });
    return await act(dir);
  } finally {
    await deps.host.removeTree(dir);
    await snapshots.remove({ snapshotter, key });
    await leases.delete(key);
  }
}

/** Takes away what a server that died, or an unmount that failed, has left mounted. Only before anything else is mounted. */
export function clearScratch(deps: Pick<LifecycleDeps, 'host' | 'paths'>): Promise<void> {
  return deps.host.removeTree(deps.paths.scratchRoot());
}

/** RFC 3339, as the garbage collector reads it. */
function inTenMinutes(): string {
  return new Date(Date.now() + 600_000).toISOString();
}
