import { setTimeout as pause } from 'node:timers/promises';
import type { ChaosNode } from './chaos-node';
import type { Done } from './counts';
import type { Seeded } from './seeded';

type Trouble = (chaos: ChaosNode, random: Seeded) => Promise<void>;

const PLUGINS = ['bridge', 'portmap', 'bandwidth'] as const;

/** What goes wrong, how often among the rest, and how. */
const TROUBLES: readonly { readonly name: string; readonly weight: number; readonly bring: Trouble }[] = [
  { name: 'crisp killed', weight: 4, bring: (chaos) => chaos.kill('crisp') },
  { name: 'stdio process killed', weight: 3, bring: (chaos) => chaos.kill('stdio') },
  { name: 'crisp and its stdio process killed', weight: 3, bring: (chaos) => chaos.kill('both') },
  { name: 'containerd restarted', weight: 2, bring: (chaos) => chaos.restartContainerd() },
  {
    name: 'CNI plugin made to fail',
    weight: 3,
    bring: async (chaos, random) => {
      const call = `${random.pick(['ADD', 'ADD', 'DEL'])} ${random.pick(PLUGINS)}`;
      chaos.pluginFails(random.pick(['before', 'after']), call);
    },
  },
  {
    name: 'CNI plugin made to hang',
    weight: 2,
    bring: async (chaos, random) =>
      chaos.pluginHangs(`${random.pick(['ADD', 'DEL'])} ${random.pick(PLUGINS)}`, random.between(2, 6)),
  },
  {
    name: 'disk full',
    weight: 2,
    bring: (chaos, random) => chaos.withFullDisk(() => pause(random.between(500, 3000))),
  },
  { name: 'reboot', weight: 1, bring: (chaos) => chaos.reboot() },
];

/** Brings one trouble after the other until it is over; each kind comes once before chance decides. */
export async function bringTrouble(
  chaos: ChaosNode,
  random: Seeded,
  { done, over }: { done: Done; over: () => boolean },
): Promise<void> {
  const first = shuffled(TROUBLES, random);
  const weighted = TROUBLES.flatMap((trouble) => Array.from({ length: trouble.weight }, () => trouble));
  while (!over()) {
    const { name, bring } = first.pop() ?? random.pick(weighted);
    if (process.env.CHAOS_VERBOSE) console.log(`${new Date().toISOString()} ${name}`);
    await bring(chaos, random);
    done.add(name);
    await pause(random.between(500, 4000));
  }
}

function shuffled<T>(list: readonly T[], random: Seeded): T[] {
  return list
    .map((value) => ({ value, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
