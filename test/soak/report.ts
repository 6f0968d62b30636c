import type { Done } from '../support/counts';
import { MEASURES, type Trend } from './trend';

/** How often each thing was done, a line each. */
export function doneRows(done: Done): string[] {
  return done.rows().map(([what, times]) => row(times, what));
}

/** A number and what it is of. */
export function row(count: number, what: string): string {
  return `${String(count).padStart(9)}  ${what}`;
}

/** Medians by slice, and what is added with every 1,000 pods. */
export function trendRows(trend: Trend): string[] {
  const widths = MEASURES.map((name) => Math.max(name.length, 8));
  const line = (first: string, cells: readonly string[]): string =>
    [first.padStart(24), ...cells.map((cell, i) => cell.padStart(widths[i] ?? 0))].join('  ');
  const slices = trend.slices().map(({ untilMs, pods, medians }) => {
    const name = `until ${minutes(untilMs)}, ${pods} pods`;
    return line(
      name,
      MEASURES.map((measure) => decimal(medians[measure])),
    );
  });
  const added = trend.perThousand();
  return [
    line('medians', MEASURES),
    ...slices,
    line(
      'with every 1,000 pods',
      MEASURES.map((measure) => signed(added[measure])),
    ),
  ];
}

function minutes(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function decimal(value: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(1);
}

function signed(value: number): string {
  return value > 0 ? `+${decimal(value)}` : decimal(value);
}
