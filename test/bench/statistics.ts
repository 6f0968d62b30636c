/** The value below which that share of the sample lies, interpolated between neighbours; NaN of an empty sample. */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** The middle of the sample; NaN of an empty one. */
export function median(sample: readonly number[]): number {
  return quantile(sample, 0.5);
}

/** What is told of a sample. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
}

/** Median and 99th percentile; of fewer than a hundred values the latter leans on the largest. */
export function summary(sample: readonly number[]): Summary {
  return { count: sample.length, median: median(sample), p99: quantile(sample, 0.99) };
}

/** Everybody once, beginning with another one each round: who is first pays for cold caches, or profits from warm ones. */
export function turns<T>(all: readonly T[], round: number): T[] {
  const start = all.length === 0 ? 0 : round % all.length;
  return [...all.slice(start), ...all.slice(0, start)];
}
