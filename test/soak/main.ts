import { errorMessage } from '../../src/base/errors';
import { type Run, runsOf } from './plan';
import { doneRows, row, trendRows } from './report';
import { type Counted, soakOnce } from './soak-run';

const NOISE_LINES = 8;

/** What all runs together have counted. */
interface Sum {
  pods: number;
  left: number;
  wrong: number;
  passed: number;
  readonly failed: string[];
}

/**
 * Pods live on a node as a kubelet has them, five at a time, while some calls are cut off and some plugins fail; then what is
 * left is counted. Environment: MINUTES and PODS (for all runs together), STAGE, INFRA (which runs: see plan.ts), SEED;
 * SOAK_LOGS keeps the daemons' logs, SOAK_VERBOSE=1 tells at once what is wrong. The last lines are `N passed, N failed` (a
 * kind of fault of a run is a case) and `N pods, N left behind, N wrong`. Fails on anything left or wrong.
 */
export async function main(): Promise<void> {
  const seed = Number(process.env.SEED || Math.floor(Math.random() * 0xffff_ffff));
  if (!Number.isInteger(seed)) throw new Error('SEED is a whole number');
  let stopped = false;
  // Whoever interrupts it leaves no daemon behind.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stopped = true));
  const sum: Sum = { pods: 0, left: 0, wrong: 0, passed: 0, failed: [] };
  for (const run of runsOf(process.env, seed)) {
    if (stopped) break;
    console.log(`\n${nameOf(run)}: seed ${seed}, ${limitOf(run)}`);
    const began = performance.now();
    try {
      const counted = await soakOnce(run, () => stopped);
      print(counted, (performance.now() - began) / 1000);
      add(sum, nameOf(run), counted);
    } catch (error) {
      sum.wrong += 1;
      sum.failed.push(`${nameOf(run)}: it did not come to its end: ${errorMessage(error)}`);
    }
  }
  console.log('');
  for (const what of sum.failed) console.log(`failed: ${what}`);
  console.log(`${sum.passed} passed, ${sum.failed.length} failed`);
  console.log(`${sum.pods} pods, ${sum.left} left behind, ${sum.wrong} wrong`);
  if (sum.left + sum.wrong > 0) process.exitCode = 1;
}

function nameOf({ version, infra }: Run): string {
  return `soak on containerd ${version === '2' ? '2.x' : version}, infra_container ${infra}`;
}

function limitOf({ seconds, pods }: Run): string {
  const limits = [
    ...(Number.isFinite(seconds) ? [`${seconds} seconds`] : []),
    ...(Number.isFinite(pods) ? [`${pods} pods`] : []),
  ];
  return limits.join(' or ');
}

function add(sum: Sum, name: string, { pods, rows }: Counted): void {
  sum.pods += pods;
  for (const { kind, count, example } of rows) {
    if (kind.startsWith('left: ')) sum.left += count;
    else sum.wrong += count;
    if (count === 0) sum.passed += 1;
    else sum.failed.push(`${name}: ${count}  ${kind}: ${example}`);
  }
}

/** What was done, how memory and descriptors went, what crisp complained of, and what was wrong and left, by kind. */
function print({ pods, done, trend, rows, noise, told }: Counted, seconds: number): void {
  const part = (title: string, lines: readonly string[]): void => {
    console.log(`\n${title}`);
    for (const line of lines) console.log(line);
  };
  part(`${pods} pods in ${Math.round(seconds)} seconds`, doneRows(done));
  part('memory and descriptors', trendRows(trend));
  part(
    'most frequent in the log of crisp',
    noise.slice(0, NOISE_LINES).map(([what, times]) => row(times, what)),
  );
  if (told.length > 0) part('what crisp has logged of the examples below', told);
  part(
    'wrong or left',
    rows.map(({ kind, count, example }) => row(count, count > 0 ? `${kind}: ${example}` : kind)),
  );
}
