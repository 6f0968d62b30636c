/** CPU time used so far, and when, by a clock that is never set. Both in nanoseconds. */
export interface CpuSample {
  readonly timestamp: bigint;
  readonly usage: bigint;
}

const SECOND = 1_000_000_000n;
/** A rate over less than this is noise; two requests in quick succession see the same rate instead. */
const SHORTEST_NS = SECOND / 2n;

/**
 * Nanocores (CPU nanoseconds per second) between two samples. Undefined without a first sample, when no time has passed,
 * and when the counter went back: then it is another task's, and a rate needs two samples of that one.
 */
export function nanoCores(before: CpuSample | undefined, now: CpuSample): bigint | undefined {
  if (!before || now.timestamp <= before.timestamp || now.usage < before.usage) return undefined;
  return ((now.usage - before.usage) * SECOND) / (now.timestamp - before.timestamp);
}

interface Known {
  sample: CpuSample;
  rate: bigint | undefined;
}

/** The last sample and rate of each container and pod. */
export class CpuRates {
  private readonly known = new Map<string, Known>();

  /** Takes a sample in; answers the rate since the one before, undefined for the first. */
  sample(id: string, now: CpuSample): bigint | undefined {
    const before = this.known.get(id);
    if (before && this.tooSoon(before, now)) return before.rate;
    const rate = nanoCores(before?.sample, now);
    this.known.set(id, { sample: now, rate });
    return rate;
  }

  /** The last rate, without a new sample. */
  rate(id: string): bigint | undefined {
    return this.known.get(id)?.rate;
  }

  forget(id: string): void {
    this.known.delete(id);
  }

  private tooSoon(before: Known, now: CpuSample): boolean {
    return now.usage >= before.sample.usage && now.timestamp - before.sample.timestamp < SHORTEST_NS;
  }
}
