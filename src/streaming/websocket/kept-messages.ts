/**
 * What WebSocket clients make this process keep, counted over all of them: messages of which the end has not come, and those
 * that nobody has read.
 */
export class KeptMessages {
  private readonly held = new Map<object, { bytes: number; cut: () => void }>();
  private total = 0;

  /** `most`: bytes that are kept for all together. */
  constructor(readonly most: number) {}

  /** What is kept for all. */
  get bytes(): number {
    return this.total;
  }

  /**
   * So many bytes are kept for `owner` now. When all together are too many, the one with the most is forgotten and `cut` off:
   * a message comes as a whole, so that holding up its client would give nothing back.
   */
  set(owner: object, bytes: number, cut: () => void): void {
    this.forget(owner);
    if (bytes > 0) this.held.set(owner, { bytes, cut });
    this.total += bytes;
    while (this.total > this.most) this.cutLargest();
  }

  /** Nothing is kept for it any more. */
  forget(owner: object): void {
    const before = this.held.get(owner);
    if (!before) return;
    this.held.delete(owner);
    this.total -= before.bytes;
  }

  private cutLargest(): void {
    let largest: object | undefined;
    let most = 0;
    for (const [owner, { bytes }] of this.held) if (bytes > most) [largest, most] = [owner, bytes];
    if (!largest) return;
    const cut = this.held.get(largest)?.cut;
    this.forget(largest);
    cut?.();
  }
}
