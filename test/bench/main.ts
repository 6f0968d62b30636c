import { testImages } from '../support/daemon/images/catalog';
import { type Registry, startRegistry } from '../support/daemon/registry';
import { createScratch, removeScratch } from '../support/daemon/scratch';
import { type Contestant, startContestant } from './contestant';
import { Kubelet } from './kubelet';
import { thisMachine } from './machine';
import { benchOptions, modeOf, type Part } from './options';
import { breakdown } from './parts/breakdown';
import { density } from './parts/density';
import { exec } from './parts/exec';
import { exited } from './parts/exited';
import { load } from './parts/load';
import { logs } from './parts/logs';
import type { Bench } from './parts/part';
import { pods } from './parts/pods';
import { pull } from './parts/pull';
import { streams } from './parts/streams';
import { type Column, resultsOf } from './report/results';
import { writeDocumentation, writeReport } from './report/write';
import { Samples } from './samples';

const WANTED = /^(pause:3\.10\.2|e2e-test-images\/(busybox:1\.29-2|nginx:1\.14-2))$/;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const RUN: Record<Part, (bench: Bench) => Promise<void>> = {
  pods,
  exec,
  density,
  logs,
  pull,
  exited,
  streams,
  load,
  breakdown,
};

/**
 * Measures, prints a table, leaves numbers and a picture in `dist/bench/`, and puts those of a run in full into `docs/`.
 * Environment variables say what: see `options.ts`.
 */
export async function main(): Promise<void> {
  const options = benchOptions(process.env);
  const samples = new Samples();
  const machine = thisMachine();
  const tables = new Map<string, string>();
  await withNodes({ options, samples, tables, say }, async (bench) => {
    for (const part of options.parts) {
      say(part);
      // What has been measured is told all the same, and so is that something is missing.
      await RUN[part](bench).catch(complain);
    }
  });
  const columns = options.entries.map((entry): Column => ({ name: entry.name, mode: modeOf(entry) }));
  const report = { machine, options, columns, rows: resultsOf(samples, columns), tables };
  writeReport(report);
  if (options.document && !process.exitCode) writeDocumentation(report);
}

/** Starts a registry and the contestants, and stops them afterwards, whatever happens. */
async function withNodes(
  plan: Omit<Bench, 'kubelets' | 'registry'>,
  act: (bench: Bench) => Promise<void>,
): Promise<void> {
  const dir = createScratch();
  const started: Contestant[] = [];
  let registry: Registry | undefined;
  try {
    registry = await startRegistry(dir);
    await registry.push(testImages().filter(({ names }) => names.some((name) => WANTED.test(name))));
    for (const entry of plan.options.entries) started.push(await startContestant(entry, registry.certsDir));
    const kubelets = started.map((contestant) => new Kubelet(contestant, plan.samples));
    for (const kubelet of kubelets) await kubelet.pullNeeded();
    await untilInterrupted(act({ ...plan, kubelets, registry }));
  } finally {
    for (const contestant of started.reverse()) await contestant.stop().catch(complain);
    await registry?.stop();
    removeScratch(dir);
  }
}

/** The daemons are in process groups of their own: an interrupt of the terminal does not end them, we do. */
async function untilInterrupted(work: Promise<void>): Promise<void> {
  let stop = (): void => undefined;
  const interrupted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('interrupted'));
  });
  for (const signal of SIGNALS) process.once(signal, stop);
  try {
    await Promise.race([work, interrupted]);
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    work.catch(() => undefined);
  }
}

/** What the table is for goes to stdout; this does not. */
function say(line: string): void {
  console.error(`bench: ${line}`);
}

function complain(error: unknown): void {
  console.error(error);
  process.exitCode = 1;
}
