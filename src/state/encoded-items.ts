import { inTurn } from '../base/work/divided-work';
import { joined } from '../base/work/joined';

/**
 * The items of a list, each with its bytes in the answer: kubelet asks for all of them every second, and they seldom
 * change. An item is encoded again once its status has been replaced; the rest of it never changes.
 */
export class EncodedItems<T extends { readonly status: object }> {
  private readonly known = new WeakMap<T, { readonly status: object; readonly bytes: Uint8Array }>();

  /** `encode` writes an answer with this one item: answers put one behind the other are one with the items of both. */
  constructor(private readonly encode: (item: T) => Uint8Array) {}

  /**
   * The answer that has these items, in parts. Many that are to be encoded, as after a start, do not hold the event loop: one of
   * them may have megabytes of labels.
   */
  async answer(items: readonly T[]): Promise<Buffer[]> {
    const parts: Uint8Array[] = [];
    for (const item of items) parts.push(this.bytesOf(item) ?? (await inTurn(() => this.encoded(item))));
    return joined(parts);
  }

  private bytesOf(item: T): Uint8Array | undefined {
    const known = this.known.get(item);
    return known?.status === item.status ? known.bytes : undefined;
  }

  private encoded(item: T): Uint8Array {
    const known = this.bytesOf(item); // by another caller, meanwhile
    if (known) return known;
    const { status } = item;
    const bytes = this.encode(item);
    this.known.set(item, { status, bytes });
    return bytes;
  }
}
