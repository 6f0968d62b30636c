import { join } from 'node:path';
import { errorMessage } from '../../src/base/errors';
import { Done, Faults } from '../support/counts';
import type { ContainerdVersion } from '../support/daemon/containerd';
import { keepLogs } from '../support/daemon/kept-logs';
import { kindLeft, leftSince } from '../support/daemon/left-since';
import { type Infra, infraAsked } from '../support/infra';
import { Seeded } from '../support/seeded';
import { stageNamed, stageOf, versionOf } from '../support/stages';
import { toldOf } from '../support/told';
import { ChaosNode, type Traces } from './chaos-node';
import { LIFE_FAULTS } from './ground';
import { HUNG_MOUNT_FAULTS } from './hung-mount';
import { Life } from './life';
import { bringTrouble } from './trouble';
import { WATCHER_FAULTS, Watcher } from './watcher';

const PODS_AT_ONCE = 6;
const SETTLES_MS = 60_000;

/** The second mode gets this part of the time of the first. */
const SECOND_MODE = 0.4;

interface Run {
  readonly infra: Infra;
  readonly version: ContainerdVersion;
  readonly seconds: number;
  readonly seed: number;
}

/**
 * `[seconds] [seed]`: pods live on a node where everything goes wrong, then what is left is counted. That is done with a
 * pause task in each pod and then, on 2.x, once more in 0.4 of the time with pause tasks only where one is needed.
 * Environment: STAGE=1.6, 1.7 or 2.3 takes an older containerd, INFRA=always or auto one of the modes, for all the seconds, ALL=1 both
 * on either containerd. Ends with a line `N passed, N failed` over both. Fails on anything.
 */
export async function main(args: readonly string[]): Promise<void> {
  const seconds = Number(args[0] || 300);
  const seed = Number(args[1] || Math.floor(Math.random() * 0xffff_ffff));
  if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error('usage: chaos [SECONDS] [SEED]');
  const wrong: string[] = [];
  let passed = 0;
  for (const run of runsOf(seconds, seed, process.env)) {
    const counted = await runOnce(run).catch(didNotFinish);
    passed += counted.passed;
    wrong.push(...counted.wrong);
  }
  console.log('');
  for (const what of wrong) console.log(`failed: ${what}`);
  console.log(`${passed} passed, ${wrong.length} failed`);
  if (wrong.length > 0) process.exitCode = 1;
}

function runsOf(seconds: number, seed: number, env: NodeJS.ProcessEnv): Run[] {
  const asked = infraAsked(env);
  const version = versionOf(stageNamed(env.STAGE) ?? '2.x');
  if (asked) return [{ infra: asked, version, seconds, seed }];
  const second: Run = { infra: 'auto', version, seconds: Math.round(seconds * SECOND_MODE), seed };
  return [{ infra: 'always', version, seconds, seed }, ...(version === '2' || env.ALL === '1' ? [second] : [])];
}

function didNotFinish(error: unknown): Counted {
  return { passed: 0, wrong: [`it did not come to its end: ${errorMessage(error)}`] };
}

async function runOnce({ infra, version, seconds, seed }: Run): Promise<Counted> {
  const name = `chaos, infra_container ${infra}`;
  console.log(`${name}: seed ${seed}, ${seconds} seconds, containerd ${stageOf(version)}`);
  const chaos = await ChaosNode.start(version, infra);
  const done = new Done();
  const before = chaos.traces();
  const faults = new Faults([
    ...LIFE_FAULTS,
    ...WATCHER_FAULTS,
    ...HUNG_MOUNT_FAULTS,
    ...Object.keys(before).map(kindLeft),
  ]);
  try {
    await live(chaos, new Seeded(seed), { until: Date.now() + seconds * 1000, done, faults });
    await countLeaks(chaos, before, faults);
    for (const line of toldOf(chaos.node.dir, faults.examples())) console.log(line);
  } finally {
    // CHAOS_LOGS names a folder for what the daemons have said; there is one in it for each mode.
    const { CHAOS_LOGS } = process.env;
    keepLogs(chaos.node.dir, CHAOS_LOGS && join(CHAOS_LOGS, infra));
    await chaos.stop();
  }
  return print(name, done, faults);
}

async function live(
  chaos: ChaosNode,
  random: Seeded,
  { until, done, faults }: { until: number; done: Done; faults: Faults },
): Promise<void> {
  const over = (): boolean => Date.now() > until;
  const { node, watched, infra } = chaos;
  const watcher = new Watcher({
    ...{ watched, cri: node.connect(), containerd: node.containerd, faults, done },
    random: random.fork(),
  });
  let ended = false;
  const watching = watcher.watch(() => ended);
  const trouble = bringTrouble(
    { chaos, random: random.fork(), faults, done },
    // The second mode has less time for what chance decides.
    { startsFirst: infra === 'auto', look: () => watcher.lookAtContainerd(), over },
  );
  const lives = Array.from({ length: PODS_AT_ONCE }, async (_, worker) => {
    const ground = { chaos, cri: chaos.node.connect(), random: random.fork(), faults, done, over };
    for (let nth = 1; !over(); nth += 1) {
      await new Life(ground, `${worker}-${nth}`).run().catch((error: unknown) => {
        console.log(`life ${worker}-${nth}: ${errorMessage(error)}`);
      });
    }
  });
  // Whoever still lives needs a node that works.
  try {
    await trouble.finally(() => chaos.heal());
    await Promise.all(lives);
  } finally {
    ended = true;
    await watching;
  }
}

/** A last restart of crisp, whose sweep comes with it, is all the help that it gets. */
async function countLeaks(chaos: ChaosNode, before: Traces, faults: Faults): Promise<void> {
  await chaos.kill('crisp');
  const left = await leftSince(before, () => chaos.traces(), SETTLES_MS);
  for (const [kind, what] of left) faults.add(kindLeft(kind), what);
}

interface Counted {
  readonly passed: number;
  /** What has failed, a line each, with an example. */
  readonly wrong: readonly string[];
}

/** Prints what was done and what was wrong; a kind of fault is a case. */
function print(name: string, done: Done, faults: Faults): Counted {
  console.log('');
  for (const [what, times] of done.rows()) console.log(`${String(times).padStart(8)}  ${what}`);
  console.log('');
  const rows = faults
    .rows()
    .map(({ kind, count, example }) => ({ count, text: `${kind}${example && `: ${example}`}` }));
  for (const { count, text } of rows) console.log(`${String(count).padStart(8)}  ${text}`);
  const wrong = rows.filter(({ count }) => count > 0).map(({ count, text }) => `${name}: ${count}  ${text}`);
  const passed = rows.length - wrong.length;
  console.log(`${name}: ${passed} passed, ${wrong.length} failed`);
  return { passed, wrong };
}
