import type { Image } from '../model/image';
import type { ImageBackend } from './backend';
import { ensureUnpacked, type UnpackRequest } from './ensure-unpacked';

/** More images than a node holds. */
const MAX_REMEMBERED = 1000;

/**
 * Remembers which images were found unpacked, so that not every container asks again. Whoever then finds that one is not
 * forgets it, and the next one asks.
 */
export class UnpackedImages {
  private readonly found = new Set<string>();

  constructor(private readonly deps: { readonly containerd: ImageBackend }) {}

  /** As `ensureUnpacked`; the daemon is asked for an image that is not remembered. */
  async ensure(image: Image, request: UnpackRequest): Promise<void> {
    const key = keyOf(image, request.snapshotter);
    if (this.found.has(key)) return;
    await ensureUnpacked(this.deps, image, request);
    if (this.found.size >= MAX_REMEMBERED) this.found.clear();
    this.found.add(key);
  }

  /** It may not be unpacked any more. */
  forget(image: Image, snapshotter: string): void {
    this.found.delete(keyOf(image, snapshotter));
  }
}

const keyOf = (image: Image, snapshotter: string): string => `${snapshotter} ${image.id}`;
