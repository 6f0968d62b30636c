import { spawn } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { createPodNetwork } from '../support/daemon/cni';
import { type Containerd, containerdPrograms, describePrograms, startContainerd } from '../support/daemon/containerd';
import { startCrisp } from '../support/daemon/crisp';
import { critestFolder } from '../support/daemon/critest';
import { describeLeftovers, type LeftoverPlaces, leftBehind, leftovers } from '../support/daemon/leftovers';
import { cacheDir } from '../support/daemon/places';
import { lastLines } from '../support/daemon/process';
import { startTestRegistry } from '../support/daemon/registry';
import { cniVersionOf } from '../support/daemon/releases';
import { createScratch, removeScratch } from '../support/daemon/scratch';
import { type Infra, infraSettings } from '../support/infra';
import { type StageName, versionOf } from '../support/stages';
import { type CaseResult, readReport } from './report';

export interface StageOptions {
  readonly stage: StageName;
  /** containerd's own CRI plugin is tested instead of crisp. */
  readonly plugin: boolean;
  /** Whether every pod has a pause task. */
  readonly infra: Infra;
  /** Regular expressions over case names. */
  readonly focus?: string;
  readonly skip: readonly string[];
  /** Exec, attach and port-forward are asked for over WebSocket, not SPDY. */
  readonly websocket?: boolean;
  readonly timeoutMinutes: number;
  readonly signal: AbortSignal;
}

export interface StageResult {
  readonly cases: readonly CaseResult[];
  readonly seconds: number;
  /** What pods left behind, as text; `0` when nothing. */
  readonly left: string;
  /** The programs it ran on, with their versions. */
  readonly programs: string;
  /** Folder with critest's report and the daemons' logs. */
  readonly logs: string;
}

/** Runs critest once, against daemons of its own that are gone afterwards; an abort ends critest early. */
export async function runStage(options: StageOptions): Promise<StageResult> {
  const critest = join(critestFolder(), 'critest');
  const auto = options.infra === 'auto' ? ['auto'] : [];
  const folder = [
    options.stage,
    ...auto,
    ...(options.plugin ? ['plugin'] : []),
    ...(options.websocket ? ['websocket'] : []),
  ];
  const logs = join(cacheDir(), 'conformance', folder.join('-'));
  const dir = createScratch();
  const undo: Undo[] = [];
  try {
    const { socket, places, containerd } = await startDaemons(options, dir, undo);
    const started = Date.now();
    await runCritest({ critest, socket, dir, options });
    const seconds = Math.round((Date.now() - started) / 1000);
    const look = () => (places ? describeLeftovers(leftovers(places)) : String(containerCount(containerd)));
    const left = await leftBehind({ left: look });
    const programs = describePrograms(containerd.programs);
    return { cases: readReport(join(dir, 'report.json')), seconds, left, programs, logs };
  } finally {
    await undoAll(undo);
    keepLogs(dir, logs);
    removeScratch(dir);
  }
}

type Undo = () => Promise<void> | void;

/** Last started, first stopped; one that fails is told of and keeps no other from its turn. */
async function undoAll(undo: readonly Undo[]): Promise<void> {
  for (const step of [...undo].reverse()) {
    try {
      await step();
    } catch (error) {
      console.log(`  while tidying up: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function containerCount(containerd: Containerd): number {
  return containerd.ctr('containers', 'list', '--quiet').split('\n').filter(Boolean).length;
}

interface Daemons {
  readonly socket: string;
  readonly containerd: Containerd;
  /** Where crisp's pods leave traces; undefined for the plugin's. */
  readonly places?: LeftoverPlaces;
}

async function startDaemons(options: StageOptions, dir: string, undo: Undo[]): Promise<Daemons> {
  const version = versionOf(options.stage);
  const binDirs = [containerdPrograms(version).cniBinDir];
  const registry = await startTestRegistry(dir);
  undo.push(() => registry.stop());
  const network = createPodNetwork({ dir, binDirs, cniVersion: cniVersionOf(version) });
  undo.push(() => network.remove());
  const { certsDir } = registry;
  const plugin = options.plugin ? { network, certsDir } : undefined;
  const containerd = await startContainerd({ version, dir, plugin });
  undo.push(() => removeScratch(join(dir, 'containerd'), containerd.address));
  undo.push(() => containerd.stop());
  if (plugin) return { socket: containerd.address, containerd };
  const settings = infraSettings(options.infra);
  const crisp = await startCrisp({ dir, containerd, network, certsDir, settings });
  undo.push(() => crisp.endStdio());
  undo.push(() => crisp.stop());
  const { socket, netnsDir, recordDirs, journalDir, stdioNotesDir } = crisp;
  const places = { containerd, network, dir, netnsDir, recordDirs, journalDir, stdioNotesDir };
  return { socket, containerd, places };
}

const WEBSOCKET = ['-websocket-exec', '-websocket-attach', '-websocket-portforward'];

interface CritestRun {
  readonly critest: string;
  readonly socket: string;
  readonly dir: string;
  readonly options: StageOptions;
}

/** Resolves when critest has ended, with whatever result; its report is `report.json`. Rejects when it wrote none. */
async function runCritest({ critest, socket, dir, options }: CritestRun): Promise<void> {
  const report = join(dir, 'report.json');
  const args = [
    `--runtime-endpoint=unix://${socket}`,
    `--image-endpoint=unix://${socket}`,
    '--ginkgo.no-color',
    `--ginkgo.timeout=${options.timeoutMinutes}m`,
    `--ginkgo.json-report=${report}`,
    ...options.skip.map((pattern) => `--ginkgo.skip=${pattern}`),
    ...(options.focus ? [`--ginkgo.focus=${options.focus}`] : []),
    ...(options.websocket ? WEBSOCKET : []),
  ];
  const log = openSync(join(dir, 'critest.log'), 'w');
  const child = spawn(critest, args, { cwd: dir, stdio: ['ignore', log, log] });
  closeSync(log);
  const overdue = AbortSignal.any([options.signal, AbortSignal.timeout((options.timeoutMinutes + 2) * 60_000)]);
  const end = () => child.kill('SIGKILL');
  overdue.addEventListener('abort', end);
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
  overdue.removeEventListener('abort', end);
  if (!existsSync(report)) throw new Error(`critest wrote no report: ${lastLines(join(dir, 'critest.log'))}`);
}

function keepLogs(dir: string, logs: string): void {
  rmSync(logs, { recursive: true, force: true });
  mkdirSync(logs, { recursive: true });
  for (const name of readdirSync(dir).filter((each) => each === 'report.json' || each.endsWith('.log'))) {
    cpSync(join(dir, name), join(logs, name));
  }
}
