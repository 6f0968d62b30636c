/** Counting, as rooms see it; observability/ implements it. */
export interface Metrics {
  /** Adds `by` (default 1) to the counter `name` with these labels. */
  count(name: string, labels?: Record<string, string>, by?: number): void;
  /** Records one duration, in seconds. */
  time(name: string, seconds: number, labels?: Record<string, string>): void;
}

/** Counts nothing. */
export const noMetrics: Metrics = { count: () => undefined, time: () => undefined };
