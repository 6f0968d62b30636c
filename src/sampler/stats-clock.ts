const SECOND = 1_000_000_000n;
/** So far may readings be ahead of the wall clock when that is set back; a larger step is followed. */
const MOST_AHEAD = SECOND;

/** A moment, in nanoseconds. */
export interface Moment {
  /** By the machine's monotonic clock: what order and rates go by. */
  readonly readAt: bigint;
  /** Since 1970: what callers are told. */
  readonly timestamp: bigint;
}

/**
 * Tells when something was read. Two moments are as far apart by the wall clock as they are by the monotonic one, so that
 * whoever computes a rate from two answers gets the right one, and a later moment is later by the wall clock too. Only when
 * the wall clock is set, forward or by more than a second back, is there a step.
 */
export class StatsClock {
  private offset: bigint | undefined;

  /** Both clocks in nanoseconds; others than the machine's are for tests. */
  constructor(
    private readonly wall: () => bigint = () => BigInt(Date.now()) * 1_000_000n,
    private readonly monotonic: () => bigint = () => process.hrtime.bigint(),
  ) {}

  now(): Moment {
    return this.at(this.monotonic());
  }

  /** The moment at which the monotonic clock said `readAt`. */
  at(readAt: bigint): Moment {
    return { readAt, timestamp: readAt + this.currentOffset() };
  }

  /** Milliseconds that have passed since. */
  ageMs({ readAt }: Pick<Moment, 'readAt'>): number {
    return Number(this.monotonic() - readAt) / 1e6;
  }

  /** Date.now() cuts off what is below a millisecond, so the largest offset seen is the nearest to the truth. */
  private currentOffset(): bigint {
    const seen = this.wall() - this.monotonic();
    const known = this.offset;
    const kept = known !== undefined && seen <= known && known - seen <= MOST_AHEAD ? known : seen;
    this.offset = kept;
    return kept;
  }
}
