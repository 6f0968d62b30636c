import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errorMessage } from '../../src/base/errors';
import type { Leftovers } from '../support/daemon/leftovers';
import { ChaosNode } from './chaos-node';
import { Done, Faults } from './counts';
import { LIFE_FAULTS, Life } from './life';
import { Seeded } from './seeded';
import { bringTrouble } from './trouble';

const PODS_AT_ONCE = 6;
const SETTLES_MS = 60_000;

/** `[seconds] [seed]`: pods live on a node where everything goes wrong, then what is left is counted. Fails on anything. */
export async function main(args: readonly string[]): Promise<void> {
  const seconds = Number(args[0] || 300);
  const seed = Number(args[1] || Math.floor(Math.random() * 0xffff_ffff));
  if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error('usage: chaos [SECONDS] [SEED]');
  const version = process.env.STAGE === '1.6' ? '1.6' : '2';
  console.log(`chaos: seed ${seed}, ${seconds} seconds, containerd ${version === '2' ? '2.x' : version}`);
  const chaos = await ChaosNode.start(version);
  const done = new Done();
  const before = chaos.node.traces();
  const faults = new Faults([...LIFE_FAULTS, ...Object.keys(before).map(leaked)]);
  try {
    await live(chaos, new Seeded(seed), { until: Date.now() + seconds * 1000, done, faults });
    await countLeaks(chaos, before, faults);
  } finally {
    keepLogs(chaos.node.dir);
    await chaos.stop();
  }
  print(done, faults);
}

async function live(
  chaos: ChaosNode,
  random: Seeded,
  { until, done, faults }: { until: number; done: Done; faults: Faults },
): Promise<void> {
  const over = (): boolean => Date.now() > until;
  const trouble = bringTrouble(chaos, random.fork(), { done, over });
  const lives = Array.from({ length: PODS_AT_ONCE }, async (_, worker) => {
    const ground = { chaos, cri: chaos.node.connect(), random: random.fork(), faults, done, over };
    for (let nth = 1; !over(); nth += 1) {
      await new Life(ground, `${worker}-${nth}`).run().catch((error: unknown) => {
        console.log(`life ${worker}-${nth}: ${errorMessage(error)}`);
      });
    }
  });
  // Whoever still lives needs a node that works.
  await trouble.finally(() => chaos.heal());
  await Promise.all(lives);
}

/** CHAOS_LOGS names a folder for what the daemons have said. */
function keepLogs(dir: string): void {
  const { CHAOS_LOGS } = process.env;
  if (!CHAOS_LOGS) return;
  mkdirSync(CHAOS_LOGS, { recursive: true });
  for (const name of readdirSync(dir).filter((each) => each.endsWith('.log'))) {
    copyFileSync(join(dir, name), join(CHAOS_LOGS, name));
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
  for (const [kind, what] of left) faults.add(leaked(kind), what);
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

function print(done: Done, faults: Faults): void {
  console.log('');
  for (const [what, times] of done.rows()) console.log(`${String(times).padStart(8)}  ${what}`);
  console.log('');
  const rows = faults.rows();
  for (const { kind, count, example } of rows) {
    console.log(`${String(count).padStart(8)}  ${kind}${example && `: ${example}`}`);
  }
  const failed = rows.filter(({ count }) => count > 0).length;
  console.log(`${rows.length - failed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}
