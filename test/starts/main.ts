import { stageOf, stagesAsked, versionOf } from '../support/stages';
import { runCampaign } from './campaign';
import { counted, reportOf } from './report';
import type { Outcome } from './run-row';

const ROWS = 60;
/** Two cores are enough for so many nodes. */
const NODES = 3;

/**
 * Starts over running pods, each with a fault. Environment: SEED chooses the rows, ROWS is how many (60), ALL=1 all of
 * them, STAGE=1.6, 1.7, 2.3 or 2.x the containerd (1.6 and 2.x when not set), ONLY a regular expression for rows' names,
 * AT_ONCE how many nodes there are (1, with ALL=1 three). The last lines are `N ok, N misled, N stuck, N harmed` and
 * `N passed, N failed`. Fails when a row is bad.
 */
export async function main(): Promise<void> {
  const { SEED, ALL, STAGE, ONLY, AT_ONCE, ROWS: rows } = process.env;
  const seed = Number(SEED || Math.floor(Math.random() * 0xffff_ffff));
  const versions = stagesAsked({ STAGE }).map(versionOf);
  const outcomes: Outcome[] = [];
  let over = false;
  // Whoever interrupts it leaves no daemon behind.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (over = true));
  for (const version of versions) {
    console.log(`starts: seed ${seed}, containerd ${stageOf(version)}`);
    const options = {
      version,
      seed,
      rows: ALL === '1' || (ONLY && !rows) ? undefined : Number(rows || ROWS),
      only: ONLY ? new RegExp(ONLY) : undefined,
      pace: ALL === '1' ? { lastsMs: 4000, neverMs: 12_000 } : { lastsMs: 3000, neverMs: 5000 },
      atOnce: Number(AT_ONCE || (ALL === '1' ? NODES : 1)),
      over: () => over,
      planned: (all: number, chosen: number) => console.log(`${chosen} of ${all} rows`),
      tell: (outcome: Outcome) => console.log(reportOf(outcome)),
    };
    outcomes.push(...(await runCampaign(options)));
  }
  const { ok, misled, stuck, harmed } = counted(outcomes);
  const bad = outcomes.length - ok;
  console.log('');
  for (const outcome of outcomes.filter((each) => reportOf(each).startsWith('bad')))
    console.log(`failed: ${reportOf(outcome)}`);
  console.log(`${ok} ok, ${misled} misled, ${stuck} stuck, ${harmed} harmed`);
  console.log(`${ok} passed, ${bad} failed`);
  if (bad > 0) process.exitCode = 1;
}
