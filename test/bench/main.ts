import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { testImages } from '../support/daemon/images/catalog';
import { checkout } from '../support/daemon/places';
import { type Registry, startRegistry } from '../support/daemon/registry';
import { createScratch, removeScratch } from '../support/daemon/scratch';
import { BUSYBOX } from '../support/node/node';
import { type Contestant, PAUSE, startContestant } from './contestant';
import { Kubelet } from './kubelet';
import { type BenchOptions, benchOptions, type Part } from './options';
import { density } from './parts/density';
import { exec } from './parts/exec';
import { exited } from './parts/exited';
import { logs } from './parts/logs';
import type { Bench } from './parts/part';
import { pods } from './parts/pods';
import { pull } from './parts/pull';
import { streams } from './parts/streams';
import { type Column, resultsOf } from './report/results';
import { resultTable } from './report/table';
import { Samples } from './samples';

const WANTED = /^(pause:3\.10\.2|e2e-test-images\/(busybox:1\.29-2|nginx:1\.14-2))$/;

const RUN: Record<Part, (bench: Bench) => Promise<void>> = { pods, exec, density, logs, pull, exited, streams };

/** Measures, prints a table and leaves `dist/bench/results.json`. Environment variables say what: see `options.ts`. */
export async function main(): Promise<void> {
  const options = benchOptions(process.env);
  const samples = new Samples();
  await withNodes(options, samples, async (bench) => {
    for (const part of options.parts) {
      say(part);
      await RUN[part](bench);
    }
  });
  report(options, samples);
}

/** Starts a registry and the contestants, and stops them afterwards, whatever happens. */
async function withNodes(options: BenchOptions, samples: Samples, act: (bench: Bench) => Promise<void>): Promise<void> {
  const dir = createScratch();
  const started: Contestant[] = [];
  let registry: Registry | undefined;
  try {
    registry = await startRegistry(dir);
    await registry.push(testImages().filter(({ names }) => names.some((name) => WANTED.test(name))));
    for (const entry of options.entries) started.push(await startContestant(entry, registry.certsDir));
    const kubelets = started.map((contestant) => new Kubelet(contestant, samples));
    for (const kubelet of kubelets) for (const image of [PAUSE, BUSYBOX]) await kubelet.pull(image);
    await act({ kubelets, samples, options, registry, say });
  } finally {
    for (const contestant of started.reverse()) await contestant.stop().catch(complain);
    await registry?.stop();
    removeScratch(dir);
  }
}

function report(options: BenchOptions, samples: Samples): void {
  const columns = options.entries.map(
    (entry): Column => ({ name: entry.name, bare: entry.kind === 'crisp' && 'infra_container' in entry.settings }),
  );
  const rows = resultsOf(samples, columns);
  console.log(resultTable(rows, columns));
  const out = join(checkout(), 'dist/bench');
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'results.json'), `${JSON.stringify({ options, columns, rows }, null, 1)}\n`);
}

/** What the table is for goes to stdout; this does not. */
function say(line: string): void {
  console.error(`bench: ${line}`);
}

function complain(error: unknown): void {
  console.error(error);
  process.exitCode = 1;
}
