import type { Goal } from './metrics';
import { type Column, goalOf, type Row, type Value } from './results';

/** The results as a Markdown table: medians, 99th percentiles, ratios, goals. */
export function resultTable(rows: readonly Row[], columns: readonly Column[]): string {
  const [base, ...others] = columns;
  const head = ['', `${base?.name}`, 'p99', ...others.flatMap(({ name }) => [name, 'p99', 'ratio', 'goal', 'met'])];
  const lines = rows.map(({ metric, values }) => {
    const [first, ...rest] = values;
    const cells = rest.flatMap((value, i) => judged(value, goalOf(metric, others[i]?.mode ?? 'usual')));
    return [`${metric.label} (${metric.unit})`, ...plain(first), ...cells];
  });
  const align = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, align, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function plain(value: Value | undefined): string[] {
  if (!value || value.count === 0) return ['', ''];
  // A percentile of a few values says nothing that the median does not.
  return [rounded(value.median), value.count < 10 ? '' : rounded(value.p99)];
}

function judged(value: Value, goal: Goal | undefined): string[] {
  const ratio = value.ratio === undefined || Number.isNaN(value.ratio) ? '' : value.ratio.toFixed(2);
  return [...plain(value), ratio, goalText(goal), value.met === undefined ? '' : value.met ? 'yes' : '**no**'];
}

function goalText(goal: Goal | undefined): string {
  if (!goal) return '';
  return `${goal.bound === 'most' ? '≤' : '≥'} ${goal.value}${goal.kind === 'ratio' ? ' ×' : ''}`;
}

/** Three digits, or what stands before the point. */
export function rounded(value: number): string {
  if (Number.isNaN(value)) return '';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 0.01))));
  return value.toFixed(Math.min(digits, 2));
}
