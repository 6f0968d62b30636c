/** Whoever keeps memory because of another side that is slow, or that says nothing more. */
export interface Holder {
  /** What it keeps can be let go of, because it is for the other side to go on. Changes only right before `set`. */
  readonly waits: boolean;
  /** Gives up; what it kept is told of as released afterwards. */
  giveUp(): void;
}

/** What is small must get through beside what is large: holders of no more than this are counted apart. */
const SMALL_BYTES = 64 * 1024;
/** Which part of the limit small holders have together, beside what large ones have. */
const SMALL_PART = 2;

export interface HeldOptions {
  /** How long a holder that waits is left alone after it has last moved, in milliseconds; absent: not at all. */
  readonly stillMs?: number;
  /** The time in milliseconds; for tests. */
  readonly now?: () => number;
}

/**
 * The memory that many hold together: large holders up to the limit, small ones up to half of it. Beyond it those
 * that wait are given up: of the largest the one that moved longest ago, where sizes count as the same within a power of two.
 */
export class HeldBytes {
  private readonly held = new Map<Holder, number>();
  private readonly large: Pot;
  private readonly small: Pot;

  constructor(
    limit: number,
    private readonly options: HeldOptions = {},
  ) {
    this.large = new Pot(limit);
    this.small = new Pot(Math.ceil(limit / SMALL_PART));
  }

  /** Afterwards the holder has `bytes` in all; 0 releases it. */
  set(holder: Holder, bytes: number): void {
    this.forget(holder);
    if (bytes <= 0) return;
    this.held.set(holder, bytes);
    this.potOf(bytes).add(holder, bytes, this.now());
    this.shrink();
  }

  /** More is held than may be. */
  get over(): boolean {
    return this.large.over || this.small.over;
  }

  /** Gives up as many as it takes, as far as there are any that may be. */
  shrink(): void {
    const until = this.now() - (this.options.stillMs ?? 0);
    for (const pot of [this.large, this.small]) {
      for (let next = pot.first(until); pot.over && next; next = pot.first(until)) {
        this.forget(next);
        next.giveUp();
      }
    }
  }

  private forget(holder: Holder): void {
    const bytes = this.held.get(holder);
    if (bytes === undefined) return;
    this.held.delete(holder);
    this.potOf(bytes).remove(holder, bytes);
  }

  private potOf(bytes: number): Pot {
    return bytes > SMALL_BYTES ? this.large : this.small;
  }

  private now(): number {
    return this.options.now?.() ?? performance.now();
  }
}

/** Holders that share a limit. */
class Pot {
  private total = 0;
  /** Those that wait and when each moved last, by the power of two of what they hold; who moved longest ago is first. */
  private readonly waiting = Array.from({ length: 33 }, () => new Map<Holder, number>());

  constructor(private readonly limit: number) {}

  get over(): boolean {
    return this.total > this.limit;
  }

  add(holder: Holder, bytes: number, movedAt: number): void {
    this.total += bytes;
    if (holder.waits) this.waiting[classOf(bytes)]?.set(holder, movedAt);
  }

  remove(holder: Holder, bytes: number): void {
    this.total -= bytes;
    this.waiting[classOf(bytes)]?.delete(holder);
  }

  /** Of the largest that have not moved since `until`, who moved longest ago. */
  first(until: number): Holder | undefined {
    for (const holders of this.waiting) {
      for (const [holder, movedAt] of holders) {
        if (movedAt <= until) return holder;
        break; // the others of this size have moved later
      }
    }
    return undefined;
  }
}

/** Smaller for more bytes. */
function classOf(bytes: number): number {
  return Math.clz32(bytes);
}
