import { setTimeout as pause } from 'node:timers/promises';
import type { Done, Faults } from '../support/counts';
import { type ContainerdVersion, isFirst } from '../support/daemon/releases';
import type { Seeded } from '../support/seeded';
import {
  aWhile,
  journalUnreadable,
  listsEmpty,
  recordsUnreadable,
  snapshotFails,
  statisticsFail,
  storeFails,
} from './call-troubles';
import type { ChaosNode } from './chaos-node';
import { mountHangs } from './hung-mount';

/** What a trouble has to work with. */
export interface TroubleGround {
  readonly chaos: ChaosNode;
  readonly random: Seeded;
  readonly faults: Faults;
  readonly done: Done;
}

export type Trouble = (ground: TroubleGround) => Promise<void>;

const [LEAST_RUNNING, RUNNING_MS] = [4, 5000] as const;
const PLUGINS = ['bridge', 'portmap', 'bandwidth'] as const;

interface Kind {
  readonly name: string;
  /** How often among the rest. */
  readonly weight: number;
  readonly bring: Trouble;
  /** The containerd that it can happen on, and others of the same first number. */
  readonly only?: ContainerdVersion;
}

/** What goes wrong around crisp. */
const AROUND: readonly Kind[] = [
  { name: 'crisp killed', weight: 4, bring: ({ chaos }) => chaos.kill('crisp') },
  { name: 'stdio process killed', weight: 3, bring: ({ chaos }) => chaos.kill('stdio') },
  { name: 'crisp and its stdio process killed', weight: 3, bring: ({ chaos }) => chaos.kill('both') },
  { name: 'containerd restarted', weight: 2, bring: ({ chaos }) => chaos.restartContainerd() },
  {
    name: 'CNI plugin made to fail',
    weight: 3,
    bring: async ({ chaos, random }) => {
      const call = `${random.pick(['ADD', 'ADD', 'DEL'])} ${random.pick(PLUGINS)}`;
      chaos.pluginFails(random.pick(['before', 'after']), call);
    },
  },
  {
    name: 'CNI plugin made to hang',
    weight: 2,
    bring: async ({ chaos, random }) =>
      chaos.pluginHangs(`${random.pick(['ADD', 'DEL'])} ${random.pick(PLUGINS)}`, random.between(2, 6)),
  },
  {
    name: 'disk full',
    weight: 2,
    bring: ({ chaos, random }) => chaos.withFullDisk(() => pause(random.between(500, 3000))),
  },
  { name: 'reboot', weight: 1, bring: ({ chaos }) => chaos.reboot() },
];

/** What is wrong while crisp is killed and started, and for one to six seconds. */
const STARTS: readonly Kind[] = [
  { name: 'started while the sandbox store fails', weight: 2, bring: storeFails, only: '2' },
  { name: 'started while journal files cannot be read', weight: 2, bring: journalUnreadable, only: '1.6' },
  { name: 'started while records cannot be read', weight: 2, bring: recordsUnreadable },
  { name: 'started while lists are empty', weight: 2, bring: listsEmpty },
  {
    name: 'started while crisp-stdio cannot start',
    weight: 2,
    bring: async (ground) => {
      const { lift } = await ground.chaos.keepStdioFromStarting(ground.random.pick(['sock', 'lock']));
      await ground.chaos.startUnder(() => aWhile(ground), lift);
    },
  },
  { name: 'started while statistics fail', weight: 1, bring: statisticsFail },
  { name: 'started while one snapshot cannot be measured', weight: 1, bring: snapshotFails },
  { name: 'started while a mount hangs', weight: 1, bring: mountHangs },
];

/**
 * Brings one trouble after the other until it is over, and has what runs looked at after each. Each kind comes once before
 * chance decides, those around starts first with `startsFirst`; pauses are short until then.
 */
export async function bringTrouble(
  ground: TroubleGround,
  { startsFirst, look, over }: { startsFirst: boolean; look: () => Promise<void>; over: () => boolean },
): Promise<void> {
  const { chaos, random, done } = ground;
  const { version } = chaos.node.containerd.programs;
  const [around, starts] = [AROUND, STARTS].map((kinds) =>
    kinds.filter(({ only = version }) => isFirst(only) === isFirst(version)),
  ) as [Kind[], Kind[]];
  const all = [...around, ...starts];
  const first = startsFirst ? [...shuffled(starts, random), ...shuffled(around, random)] : shuffled(all, random);
  const weighted = all.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  for (const { name } of all) done.add(name, 0);
  while (!over()) {
    const { name, bring } = first.shift() ?? random.pick(weighted);
    if (starts.some((kind) => kind.name === name)) await somethingRuns(ground, over);
    if (process.env.CHAOS_VERBOSE) console.log(`${new Date().toISOString()} ${name}`);
    await bring(ground);
    done.add(name);
    await look();
    await pause(random.between(500, first.length > 0 ? 2000 : 4000));
  }
}

/** Waits for a moment until there is something that a start could harm. */
async function somethingRuns({ chaos }: TroubleGround, over: () => boolean): Promise<void> {
  const limit = Date.now() + RUNNING_MS;
  while (chaos.watched.running().length < LEAST_RUNNING && Date.now() < limit && !over()) await pause(100);
}

function shuffled<T>(list: readonly T[], random: Seeded): T[] {
  return list
    .map((value) => ({ value, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
