import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { checkout } from '../../support/daemon/places';
import { describeMachine, type Machine } from '../machine';
import type { BenchOptions } from '../options';
import { ratioChart } from './chart';
import { withBlock } from './document';
import type { Column, Row } from './results';
import { resultTable } from './table';

export interface Report {
  readonly machine: Machine;
  readonly options: BenchOptions;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Where the time of a contestant goes, by its name. */
  readonly tables: ReadonlyMap<string, string>;
}

/** Prints the table and leaves `results.json` and `performance.svg` in `dist/bench/`. */
export function writeReport(report: Report): void {
  const { machine, columns, rows } = report;
  console.log([describeMachine(machine), resultTable(rows, columns), ...titled(report)].join('\n\n'));
  const out = join(checkout(), 'dist/bench');
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(join(out, 'performance.svg'), ratioChart(rows, columns, machine.containerd));
}

/** Puts the numbers and the picture into `docs/`. */
export function writeDocumentation(report: Report): void {
  const { machine, options, columns, rows } = report;
  const docs = join(checkout(), 'docs');
  const page = join(docs, 'performance.md');
  const { pods, density, rounds, restSeconds, exited, logMib, streamMib, loadSeconds } = options;
  const sizes =
    `${pods} pods and probes one at a time; batches of ${density} pods, ${rounds} times, ${restSeconds} s at rest; ` +
    `${logMib} MiB of output; ${exited} containers that have ended; ${streamMib} MiB through a stream; ${loadSeconds} s of busy clients.`;
  const block = `${describeMachine(machine)}\n\n${sizes}\n\n${resultTable(rows, columns)}`;
  const numbered = withBlock(readFileSync(page, 'utf8'), 'numbers', block);
  writeFileSync(page, withBlock(numbered, 'breakdown', titled(report).join('\n\n')));
  writeFileSync(join(docs, 'performance.svg'), ratioChart(rows, columns, machine.containerd));
}

function titled({ tables }: Report): string[] {
  return [...tables].flatMap(([name, table]) => [`### ${name}`, table]);
}
