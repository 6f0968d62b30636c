import type { ListedImage } from '../../model/image';
import type { ImageBackend } from '../backend';
import type { ImageIndex } from './image-index';

/**
 * Removes every name of an image. Afterwards it is not listed, and containerd has collected what nothing else needs;
 * containers made of it run on. A name that meanwhile points elsewhere is left alone; one that is gone is fine.
 */
export async function removeImage(
  { containerd, index }: { readonly containerd: ImageBackend; readonly index: ImageIndex },
  image: ListedImage,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const names = index.namesOf(image.id);
  for (const [at, { name, target }] of names.entries()) {
    const now = await containerd.images.get(name, { signal });
    const moved = now !== undefined && now.target.digest !== target.digest;
    // The collector goes over everything containerd has: once is enough. It is also waited for where the name is gone.
    const sync = at === names.length - 1;
    if (!moved) await containerd.images.delete(name, { sync, signal, ...(sync ? { timeoutMs: 0 } : {}) });
    await index.refresh(name);
  }
}
