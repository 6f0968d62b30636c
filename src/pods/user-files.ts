import { newSuffix } from '../base/ids';
import { within } from '../base/wait/deadline';
import type { ListedImage } from '../model/image';
import type { LifecycleDeps } from '../tasks/deps';

/** The files of an image from which users and groups are looked up. */
export interface UserFileContents {
  readonly passwd?: Buffer;
  readonly group?: Buffer;
}

/** Images whose files are remembered; an image never changes, so neither do they. */
const MAX_REMEMBERED = 256;
/** What the files of all of them may have together: most have some kilobytes, and an image may have two megabytes. */
export const MAX_REMEMBERED_BYTES = 16 << 20;
/** A view takes a local snapshotter milliseconds; a remote one may have to mount the image's layers again. */
const VIEW_TIMEOUT_MS = 5 * 60_000;
/**
 * Mounting and reading besides. Callers share one reading, so this is what ends one that hangs, and lets the next caller try
 * anew. Shorter than the life of the lease.
 */
const READ_TIMEOUT_MS = 8 * 60_000;

/** Reads /etc/passwd and /etc/group of images, inside their root filesystem only, and remembers them. */
export class UserFiles {
  /** The one that was asked for last comes last. `bytes`: 0 until it has been read. */
  private readonly remembered = new Map<string, { readonly files: Promise<UserFileContents>; bytes: number }>();

  constructor(private readonly deps: Pick<LifecycleDeps, 'containerd' | 'host' | 'paths'>) {}

  /** The files of `image` as `snapshotter` unpacked it; a file that is not there is undefined. */
  of(image: ListedImage, snapshotter: string): Promise<UserFileContents> {
    const key = `${snapshotter} ${image.chainId}`;
    const known = this.remembered.get(key);
    if (known) {
      this.remembered.delete(key);
      this.remembered.set(key, known);
      return known.files;
    }
    const files = within(READ_TIMEOUT_MS, 'reading the users of an image', () => this.read(image, snapshotter));
    const reading = { files, bytes: 0 };
    this.remembered.set(key, reading);
    files.then(
      ({ passwd, group }) => {
        reading.bytes = (passwd?.length ?? 0) + (group?.length ?? 0);
        this.forgetOldest();
      },
      () => {
        if (this.remembered.get(key) === reading) this.remembered.delete(key);
      },
    );
    this.forgetOldest();
    return files;
  }

  /** How many images are remembered, and how many bytes of them. */
  get size(): { images: number; bytes: number } {
    const bytes = [...this.remembered.values()].reduce((total, each) => total + each.bytes, 0);
    return { images: this.remembered.size, bytes };
  }

  private forgetOldest(): void {
    for (let { images, bytes } = this.size; images > MAX_REMEMBERED || bytes > MAX_REMEMBERED_BYTES; ) {
      const [oldest] = this.remembered.keys();
      if (oldest === undefined) return;
      this.remembered.delete(oldest);
      ({ images, bytes } = this.size);
    }
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
