const FIRST_CAPACITY = 512;
/** Storage above this is given back when the buffer is emptied: one long line must not cost its size for ever. */
const KEEP_CAPACITY = 64 * 1024;

/** Bytes collected piece by piece, in one block that doubles: a million one-byte pieces cost their bytes, not objects. */
export class GrowingBuffer {
  private block = Buffer.alloc(0);
  private used = 0;

  get length(): number {
    return this.used;
  }

  /** Copies `source[from..to)` behind what is there. */
  append(source: Uint8Array, from = 0, to = source.length): void {
    const needed = this.used + to - from;
    if (needed > this.block.length) this.grow(needed);
    this.block.set(from === 0 && to === source.length ? source : source.subarray(from, to), this.used);
    this.used = needed;
  }

  /** The bytes as they lie: valid until the next call that changes this buffer. */
  view(): Buffer {
    return this.block.subarray(0, this.used);
  }

  /** Removes the first `count` bytes. */
  drop(count: number): void {
    if (count >= this.used) {
      this.clear();
      return;
    }
    this.block.copyWithin(0, count, this.used);
    this.used -= count;
  }

  /** Empties the buffer, and gives large storage back. */
  clear(): void {
    this.used = 0;
    if (this.block.length > KEEP_CAPACITY) this.block = Buffer.alloc(0);
  }

  private grow(needed: number): void {
    let capacity = Math.max(this.block.length, FIRST_CAPACITY);
    while (capacity < needed) capacity *= 2;
    const block = Buffer.allocUnsafeSlow(capacity);
    this.block.copy(block, 0, 0, this.used);
    this.block = block;
  }
}
