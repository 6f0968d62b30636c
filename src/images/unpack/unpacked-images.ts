import { isNotFound } from '../../containerd/errors';
import type { ListedImage } from '../../model/image';
import type { ImageBackend } from '../backend';
import { ensureUnpacked, type UnpackRequest } from './ensure-unpacked';

/** More images than a node holds. */
const MAX_REMEMBERED = 1000;

/**
 * Remembers which images were found unpacked, so that not every container asks the daemon again. Somebody else may remove
 * an image's snapshot meanwhile: whoever makes one of it does so through `using`, which notices.
 */
export class UnpackedImages {
  private readonly found = new Set<string>();

  constructor(private readonly deps: { readonly containerd: ImageBackend }) {}

  /** As `ensureUnpacked`; the daemon is asked about an image that is not remembered. */
  async ensure(image: ListedImage, request: UnpackRequest): Promise<void> {
    const key = keyOf(image, request.snapshotter);
    if (this.found.has(key)) return;
    await ensureUnpacked(this.deps, image, request);
    if (this.found.size >= MAX_REMEMBERED) this.found.clear();
    this.found.add(key);
  }

  /**
   * Runs `make`, which makes a snapshot of an image that was unpacked. When the daemon finds that it no longer is, it is
   * unpacked again and `make` runs once more.
   */
  async using<T>(image: ListedImage, request: UnpackRequest, make: () => Promise<T>): Promise<T> {
    try {
      return await make();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.found.delete(keyOf(image, request.snapshotter)); // unless somebody else has noticed first
      await this.ensure(image, request);
      return make();
    }
  }
}

const keyOf = (image: ListedImage, snapshotter: string): string => `${snapshotter} ${image.id}`;
