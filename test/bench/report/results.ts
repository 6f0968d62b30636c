import type { Samples } from '../samples';
import { type Summary, summary } from '../statistics';
import { type Goal, METRICS, type Metric, type Mode } from './metrics';

/** One contestant's value of a metric. */
export interface Value extends Summary {
  readonly contestant: string;
  /** Median beside the first contestant's; undefined for that one, and where it has none. */
  readonly ratio?: number;
  /** Undefined when the metric has no goal. */
  readonly met?: boolean;
}

/** A metric and what came of it. */
export interface Row {
  readonly metric: Metric;
  readonly values: readonly Value[];
}

/** Who took part; the first is what the others are measured against. */
export interface Column {
  readonly name: string;
  readonly mode: Mode;
}

/** The metrics that somebody has values of, with medians, percentiles, ratios and whether the goal is met. */
export function resultsOf(samples: Samples, columns: readonly Column[]): Row[] {
  const measured = new Set(samples.metrics());
  const [base] = columns;
  return METRICS.filter(({ id }) => measured.has(id)).map((metric) => {
    const reference = summary(samples.of(metric.id, base?.name ?? '')).median;
    const values = columns.map(({ name, mode }): Value => {
      const found = summary(samples.of(metric.id, name));
      if (name === base?.name) return { contestant: name, ...found };
      const ratio = reference > 0 ? found.median / reference : undefined;
      return { contestant: name, ...found, ratio, met: met(goalOf(metric, mode), found.median, ratio) };
    });
    return { metric, values };
  });
}

/** What is asked for of a metric. */
export function goalOf(metric: Metric, mode: Mode): Goal | undefined {
  return metric.goals?.[mode] ?? metric.goal;
}

function met(goal: Goal | undefined, value: number, ratio: number | undefined): boolean | undefined {
  const found = goal?.kind === 'ratio' ? ratio : value;
  if (!goal || found === undefined || Number.isNaN(found)) return undefined;
  return goal.bound === 'most' ? found <= goal.value : found >= goal.value;
}
