import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { errorMessage } from '../../src/base/errors';
import { cacheDir, checkout } from '../support/daemon/places';
import { startTestRegistry } from '../support/daemon/registry';
import { type Check, countLine, lineOf, type Outcome, readChecks, runCheck } from './checks';
import { baseFolder, makeDisk } from './disk';
import { type CgroupVersion, cgroupVersion, type Machine, startMachine } from './machine';

/**
 * `make vm`: boots a virtual machine with this checkout's build, runs the scripts of `test/vm/checks` in it one after the other,
 * and prints a line for each. Environment: ONLY, a regular expression, chooses among them; CGROUP is v1 or v2 (default); KEEP=1
 * keeps the machine until an interrupt. Logs stay in the cache, in `vm/logs`. Ends with a line `N passed, N failed`.
 */
export async function main(): Promise<void> {
  const { ONLY, KEEP } = process.env;
  const cgroup = cgroupVersion(process.env.CGROUP || 'v2');
  const checks = readChecks(join(checkout(), 'test/vm/checks'), ONLY ? new RegExp(ONLY) : undefined);
  if (checks.length === 0) throw new Error(`there is no check whose name matches ${ONLY}`);
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => interrupt.abort());
  const { signal } = interrupt;
  const outcomes: Outcome[] = [];
  try {
    await withMachine({ signal, cgroup }, async (machine) => {
      await runAll(machine, checks, { outcomes, signal });
      await keepLogs(machine);
      if (KEEP === '1') await stay(machine, signal);
    });
  } catch (error) {
    console.log(`the machine could not be used (logs: ${logFolder()}): ${errorMessage(error)}`);
  }
  console.log(countLine(outcomes, checks.length));
  if (outcomes.length < checks.length || outcomes.some(({ state }) => state === 'failed')) process.exitCode = 1;
}

interface Run {
  /** What has come of the checks so far. */
  readonly outcomes: Outcome[];
  readonly signal: AbortSignal;
}

/** Checks after an interrupt are left out. */
async function runAll(machine: Machine, checks: readonly Check[], { outcomes, signal }: Run): Promise<void> {
  for (const check of checks) {
    if (signal.aborted) break;
    const outcome = await runCheck(machine, check);
    outcomes.push(outcome);
    console.log(lineOf(outcome));
    if (outcome.state === 'failed') for (const line of outcome.lines.slice(-20, -1)) console.log(`         ${line}`);
  }
}

type Undo = () => Promise<void> | void;

interface Boot {
  readonly signal: AbortSignal;
  readonly cgroup: CgroupVersion;
}

/** Makes and boots a machine, and takes down everything afterwards: it, its disk, and the registry that it pulls from. */
async function withMachine({ signal, cgroup }: Boot, act: (machine: Machine) => Promise<void>): Promise<void> {
  const home = join(cacheDir(), 'vm');
  mkdirSync(home, { recursive: true });
  const base = baseFolder();
  const undo: Undo[] = [];
  try {
    const work = mkdtempSync(join(home, 'run-'));
    undo.push(() => rmSync(work, { recursive: true, force: true }));
    undo.push(() => saveLogs(work));
    const host = join(work, 'host');
    mkdirSync(host);
    const registry = await startTestRegistry(host);
    undo.push(() => registry.stop());
    const parts = makeDisk(base, work, registry.certsDir);
    const began = performance.now();
    const machine = await startMachine({ ...parts, cgroup }, signal);
    undo.push(() => machine.stop());
    console.log(`the machine has booted in ${Math.round((performance.now() - began) / 1000)} s`);
    await act(machine);
  } finally {
    for (const step of undo.reverse()) await Promise.resolve().then(step).catch(complain);
  }
}

/** What cannot be taken down must not keep the rest from it. */
function complain(error: unknown): void {
  console.error(error);
  process.exitCode = 1;
}

async function stay(machine: Machine, signal: AbortSignal): Promise<void> {
  console.log(`the machine stays until Ctrl-C: ${machine.ssh.join(' ')}`);
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

const logFolder = (): string => join(cacheDir(), 'vm/logs');

/** What the machine's journal has of crisp and containerd, and of the kernel. */
async function keepLogs(machine: Machine): Promise<void> {
  const { output } = await machine.run('journalctl --boot --no-pager --output short-precise', 120);
  mkdirSync(logFolder(), { recursive: true });
  writeFileSync(join(logFolder(), 'journal.log'), output);
}

/** Logs of qemu, of the console and of the registry. */
function saveLogs(work: string): void {
  mkdirSync(logFolder(), { recursive: true });
  for (const name of readdirSync(work).filter((each) => each.endsWith('.log'))) {
    copyFileSync(join(work, name), join(logFolder(), name));
  }
}
