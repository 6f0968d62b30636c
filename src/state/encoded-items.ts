/**
 * The items of a list, each with its bytes in the answer: kubelet asks for all of them every second, and they seldom
 * change. An item is encoded again once its status has been replaced; the rest of it never changes.
 */
export class EncodedItems<T extends { readonly status: object }> {
  private readonly known = new WeakMap<T, { readonly status: object; readonly bytes: Uint8Array }>();

  /** `encode` writes an answer with this one item: answers put one behind the other are one with the items of both. */
  constructor(private readonly encode: (item: T) => Uint8Array) {}

  /** The answer that has these items. */
  answer(items: readonly T[]): Buffer {
    return Buffer.concat(items.map((item) => this.bytesOf(item)));
  }

  private bytesOf(item: T): Uint8Array {
    const known = this.known.get(item);
    if (known?.status === item.status) return known.bytes;
    const bytes = this.encode(item);
    this.known.set(item, { status: item.status, bytes });
    return bytes;
  }
}
