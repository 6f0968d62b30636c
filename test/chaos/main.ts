import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errorMessage } from '../../src/base/errors';
import type { ContainerdVersion } from '../support/daemon/containerd';
import type { Leftovers } from '../support/daemon/leftovers';
import { type Infra, infraAsked } from '../support/infra';
import { ChaosNode } from './chaos-node';
import { Done, Faults } from './counts';
import { LIFE_FAULTS } from './ground';
import { HUNG_MOUNT_FAULTS } from './hung-mount';
import { Life } from './life';
import { Seeded } from './seeded';
import { toldOf } from './told';
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
 * Environment: STAGE=1.6 takes the older containerd, INFRA=always or auto one of the modes, for all the seconds, ALL=1 both
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
  const version = env.STAGE === '1.6' ? '1.6' : '2';
  if (asked) return [{ infra: asked, version, seconds, seed }];
  const second: Run = { infra: 'auto', version, seconds: Math.round(seconds * SECOND_MODE), seed };
  return [{ infra: 'always', version, seconds, seed }, ...(version === '2' || env.ALL === '1' ? [second] : [])];
}

function didNotFinish(error: unknown): Counted {
  return { passed: 0, wrong: [`it did not come to its end: ${errorMessage(error)}`] };
}

async function runOnce({ infra, version, seconds, seed }: Run): Promise<Counted> {
  const name = `chaos, infra_container ${infra}`;
  console.log(`${name}: seed ${seed}, ${seconds} seconds, containerd ${version === '2' ? '2.x' : version}`);
  const chaos = await ChaosNode.start(version, infra);
  const done = new Done();
  const before = chaos.node.traces();
  const faults = new Faults([
    ...LIFE_FAULTS,
    ...WATCHER_FAULTS,
    ...HUNG_MOUNT_FAULTS,
    ...Object.keys(before).map(leaked),
  ]);
  try {
    await live(chaos, new Seeded(seed), { until: Date.now() + seconds * 1000, done, faults });
    await countLeaks(chaos, before, faults);
    for (const line of toldOf(chaos.node.dir, faults.examples())) console.log(line);
  } finally {
    keepLogs(chaos.node.dir, infra);
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

/** CHAOS_LOGS names a folder for what the daemons have said; there is one in it for each mode. */
function keepLogs(dir: string, infra: Infra): void {
  const { CHAOS_LOGS } = process.env;
  if (!CHAOS_LOGS) return;
  const folder = join(CHAOS_LOGS, infra);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(dir).filter((each) => each.endsWith('.log'))) {
    copyFileSync(join(dir, name), join(folder, name));
  }
}

/** A last restart of crisp, whose sweep comes with it, is all the help that it gets. */
async function countLeaks(chaos: ChaosNode, before: Leftovers, faults: Faults): Promise<void> {
  await chaos.kill('crisp');
  const limit = Date.now() + SETTLES_MS;
  let left = difference(chaos.node.traces(), before);
  while (left.length > 0 && Date.now() < limit) {
    await pause(1000);
    left = difference(chaos.node.traces(), before);
  }
  for (const [kind, what] of left) faults.add(leaked(kind), kind === 'shims' ? shimOfPid(what) : what);
}

/** Whose shim it is, by its command line. */
function shimOfPid(pid: string): string {
  try {
    return `${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}(pid ${pid})`;
  } catch {
    return pid; // it has ended meanwhile
  }
}

function difference(now: Leftovers, before: Leftovers): [string, string][] {
  const kinds = Object.keys(now) as (keyof Leftovers)[];
  return kinds.flatMap((kind) =>
    now[kind].filter((what) => !before[kind].includes(what)).map((what): [string, string] => [kind, what]),
  );
}

function leaked(kind: string): string {
  return `left: ${kind.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
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
