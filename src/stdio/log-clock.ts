const SECOND = 1_000_000_000n;
/** How long the monotonic clock is trusted before the wall clock is read again: it may have been set meanwhile. */
const ANCHOR_FOR_NS = 5n * SECOND;
/** A clock that runs ahead of the wall by more than this (the wall was set back) starts anew with a new file. */
const TOLERATED_LEAD_NS = SECOND;

/** Wall clock time in nanoseconds, finer than Date.now: milliseconds of the wall clock plus monotonic time since. */
export class WallClock {
  private anchorWall = 0n;
  private anchorMono = 0n;

  now(): bigint {
    const mono = process.hrtime.bigint();
    if (this.anchorMono === 0n || mono - this.anchorMono > ANCHOR_FOR_NS) {
      this.anchorWall = BigInt(Date.now()) * 1_000_000n;
      this.anchorMono = mono;
    }
    return this.anchorWall + (mono - this.anchorMono);
  }
}

/** Length of `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`. */
export const STAMP_BYTES = 30;

/**
 * Times of the lines of one log file: strictly increasing, UTC, always nine digits, so that sorting by time never
 * reorders lines, whichever stream they came from. `tick` reads the clock once for a chunk; each line then adds 1 ns.
 */
export class LogClock {
  private second = 0n;
  private nanos = 0;

  constructor(private readonly now: () => bigint) {}

  /** Moves on to the present, if that is not behind what was handed out. Writes into `stamp` when the second changed. */
  tick(stamp: Buffer): void {
    this.moveTo(this.now(), stamp);
  }

  /** Writes the time of the next line into `stamp`, whose first 20 bytes `tick` has set. */
  next(stamp: Buffer): void {
    this.nanos += 1;
    if (this.nanos >= 1e9) this.moveTo((this.second + 1n) * SECOND, stamp);
    let rest = this.nanos;
    for (let at = 28; at >= 20; at--) {
      const tenth = (rest / 10) | 0;
      stamp[at] = 48 + rest - tenth * 10;
      rest = tenth;
    }
  }

  /** For a new file: follows the wall clock again when that has been set back. */
  restart(stamp: Buffer): void {
    const now = this.now();
    if (this.second * SECOND + BigInt(this.nanos) - now <= TOLERATED_LEAD_NS) return;
    this.second = 0n;
    this.moveTo(now, stamp);
  }

  private moveTo(time: bigint, stamp: Buffer): void {
    const second = time / SECOND;
    const nanos = Number(time % SECOND);
    if (second === this.second) {
      if (nanos > this.nanos) this.nanos = nanos;
      return;
    }
    if (second < this.second) return;
    this.second = second;
    this.nanos = nanos;
    // toISOString ends in `.mmmZ`; the first 20 characters end with the point.
    stamp.write(new Date(Number(second) * 1000).toISOString(), 0, 20, 'latin1');
    stamp[29] = 0x5a;
  }
}
