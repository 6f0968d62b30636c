/** Whoever keeps memory because of another side that is slow, or that says nothing more. */
export interface Holder {
  /** What it keeps can be let go of, because it is for the other side to go on. */
  readonly waits: boolean;
  /** Gives up; what it kept is told of as released afterwards. */
  giveUp(): void;
}

/** A holder of less is never given up: what is small must get through beside what is large. */
const SMALL_BYTES = 64 * 1024;

/** The memory that many hold together. When it is over the limit, those who hold most of it and wait are given up. */
export class HeldBytes {
  private readonly held = new Map<Holder, number>();
  private total = 0;

  constructor(private readonly limit: number) {}

  /** Afterwards the holder has `bytes` in all; 0 releases it. */
  set(holder: Holder, bytes: number): void {
    this.total += bytes - (this.held.get(holder) ?? 0);
    if (bytes > 0) this.held.set(holder, bytes);
    else this.held.delete(holder);
    while (this.total > this.limit) {
      const largest = this.largest();
      if (!largest) return;
      this.total -= this.held.get(largest) ?? 0;
      this.held.delete(largest);
      largest.giveUp();
    }
  }

  private largest(): Holder | undefined {
    let [found, most] = [undefined as Holder | undefined, SMALL_BYTES];
    for (const [holder, bytes] of this.held) if (bytes > most && holder.waits) [found, most] = [holder, bytes];
    return found;
  }
}
