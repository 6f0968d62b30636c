import { readFileSync } from 'node:fs';

import type { CaseResult } from './report';

/** A line of known-failures.md: a case that this kind of machine, containerd or runc cannot pass. */
export interface KnownCase {
  readonly state: 'fails' | 'skipped';
  /** A stage (`1.6`, `2.x`) or `all`. */
  readonly stage: string;
  /** The case's whole name, or its beginning followed by `…`. */
  readonly name: string;
}

/** Reads the table rows `| fails or skipped | stage | case | reason |`; throws on a row without a reason. */
export function readKnownCases(file: string): KnownCase[] {
  const rows = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => /^\|\s*(fails|skipped)\s*\|/.test(line));
  return rows.map((row) => {
    const [state, stage = '', name = '', reason] = row
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    if (!reason) throw new Error(`${file}: no reason given: ${row}`);
    return { state: state === 'fails' ? 'fails' : 'skipped', stage, name };
  });
}

export interface Comparison {
  /** Failed, and nobody said it would. */
  readonly failures: CaseResult[];
  /** Skipped, and nobody said the machine lacks what it needs: the runtime left something out. */
  readonly skips: CaseResult[];
  /** Listed as failing, but it passed: the list is out of date. (A listed skip may pass on a machine that has more.) */
  readonly passes: CaseResult[];
}

/** What the list of known cases does not explain; a run is good when all three are empty. */
export function compare(results: readonly CaseResult[], known: readonly KnownCase[], stage: string): Comparison {
  const here = known.filter((entry) => entry.stage === stage || entry.stage === 'all');
  const listed = (result: CaseResult, state: KnownCase['state']) =>
    here.some((entry) => entry.state === state && names(entry, result.name));
  return {
    failures: results.filter((result) => result.state === 'failed' && !listed(result, 'fails')),
    skips: results.filter((result) => result.state === 'skipped' && !listed(result, 'skipped')),
    passes: results.filter((result) => result.state === 'passed' && listed(result, 'fails')),
  };
}

function names(entry: KnownCase, name: string): boolean {
  return entry.name.endsWith('…') ? name.startsWith(entry.name.slice(0, -1).trimEnd()) : name === entry.name;
}
