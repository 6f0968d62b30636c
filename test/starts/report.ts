import type { Outcome } from './run-row';

export interface Counted {
  readonly ok: number;
  readonly misled: number;
  readonly stuck: number;
  readonly harmed: number;
}

/** How many rows went well, and how many did not in which way; a row may count in several of these. */
export function counted(outcomes: readonly Outcome[]): Counted {
  const having = (kind: 'misled' | 'stuck' | 'harmed'): number =>
    outcomes.filter((each) => each[kind].length > 0).length;
  const ok = outcomes.filter(isOk).length;
  return { ok, misled: having('misled'), stuck: having('stuck'), harmed: having('harmed') };
}

export function isOk({ harmed, misled, stuck }: Outcome): boolean {
  return harmed.length + misled.length + stuck.length === 0;
}

/** A row in one line. */
export function reportOf(outcome: Outcome): string {
  const { name, missed, ms } = outcome;
  const seconds = `${(ms / 1000).toFixed(1)} s`;
  if (isOk(outcome)) return `${missed ? 'not hit' : 'ok'}  ${name} (${seconds})`;
  const parts = (['harmed', 'misled', 'stuck'] as const)
    .filter((kind) => outcome[kind].length > 0)
    .map((kind) => `${kind} ${outcome[kind].length}: ${outcome[kind].slice(0, 2).join('; ')}`);
  return `bad  ${name} (${seconds}): ${parts.join(' | ')}`;
}
