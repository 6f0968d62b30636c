import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import type { Machine } from './machine';

/** A script that runs in the machine and says whether something of crisp is right there. */
export interface Check {
  readonly name: string;
  /** Its first line: what is right when it passes. */
  readonly about: string;
}

/** What came of a check. */
export interface Outcome {
  readonly check: Check;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly seconds: number;
  /** What the check has printed, without blank lines. */
  readonly lines: readonly string[];
}

/** Where the scripts lie in the machine. */
const THERE = '/opt/checks';
/** As automake has it. */
const SKIPPED = 77;
/** What timeout(1) ends with when it has ended something. */
const TOO_LONG = 124;
const LIMIT_SECONDS = 1800;

/** The checks of a folder, by name; `only`: those whose names match. Throws on one that does not say what it is about. */
export function readChecks(folder: string, only?: RegExp): Check[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sh'))
    .sort()
    .map((file) => {
      const [about = ''] = readFileSync(join(folder, file), 'utf8').split('\n');
      if (!/^# \S/.test(about))
        throw new Error(`${join(folder, file)}: its first line is a comment that says what is right`);
      return { name: basename(file, '.sh'), about: about.slice(2) };
    })
    .filter(({ name }) => only === undefined || only.test(name));
}

/** Runs one check in the machine to its end. */
export async function runCheck(machine: Pick<Machine, 'run'>, check: Check): Promise<Outcome> {
  const began = performance.now();
  const command = `timeout --kill-after=30 ${LIMIT_SECONDS} bash ${THERE}/${check.name}.sh 2>&1`;
  const { code, output } = await machine.run(command, LIMIT_SECONDS + 60);
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  if (code === TOO_LONG) lines.push(`not within ${LIMIT_SECONDS} s`);
  const state = code === 0 ? 'passed' : code === SKIPPED ? 'skipped' : 'failed';
  return { check, state, seconds: Math.round((performance.now() - began) / 1000), lines };
}

/** One line: what came of it, what was checked, and what was found. */
export function lineOf({ check, state, seconds, lines }: Outcome): string {
  return `${state.padEnd(7)}  ${check.name}: ${check.about}: ${lines.at(-1) ?? 'it printed nothing'} (${seconds} s)`;
}

/** The last line of a run, which counts. Of `wanted` checks, one that was not run has failed. */
export function countLine(outcomes: readonly Pick<Outcome, 'state'>[], wanted: number): string {
  const number = (state: Outcome['state']): number => outcomes.filter((each) => each.state === state).length;
  const skipped = number('skipped');
  const failed = number('failed') + wanted - outcomes.length;
  return `${number('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
