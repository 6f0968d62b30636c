import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Fault, type FaultSpec, type Where } from '../starts/fault';
import { FILE_FAULTS, WrongFile } from '../starts/files';
import { CALL_FAULTS, type CallFault, ITEM_FAULTS } from '../starts/kinds';
import type { NamedPod } from '../starts/start-pods';
import type { Trouble, TroubleGround } from './trouble';

/** A call that is passed on late comes so late. */
const HANG_MS = 3000;
/** While one snapshot cannot be measured, the others are measured within this. */
const MEASURED_MS = 20_000;

/** As long as a trouble of this kind lasts: one to six seconds. */
export function aWhile({ random }: Pick<TroubleGround, 'random'>): Promise<void> {
  return pause(random.between(1000, 6000));
}

/** Calls about records of sandboxes fail, are cut off or are not answered while crisp starts. */
export const storeFails: Trouble = async (ground) => {
  const kind = ground.random.pick(callFaults(/^(UNAVAILABLE|INTERNAL|answer lost)$/));
  await startUnderFaults(ground, [{ where: { service: 'Store' }, kind }]);
};

/** The journal files of one to three running pods, which are the other copy of their records on 1.6, are wrong while crisp starts. */
export const journalUnreadable: Trouble = async (ground) => {
  const { chaos, random } = ground;
  const { crisp } = chaos.node;
  const ids = new Set(Array.from({ length: random.between(1, 3) }, () => podOf(ground)));
  const fault = random.pick(FILE_FAULTS.filter((name) => name !== 'gone'));
  const files = [...ids].map((id) => join(crisp.journalDir, `${id}.json`)).filter((path) => existsSync(path));
  const wrong = files.map((path, i) => new WrongFile(path, fault, join(chaos.smallDisk, `kept-${i}`)));
  await chaos.startUnder(
    () => aWhile(ground),
    () => wrong.forEach((file) => void file.mend()),
  );
};

function podOf({ chaos, random }: TroubleGround): string {
  const running = chaos.watched.running();
  return running.length > 0 ? random.pick(running).podId : '';
}

/** Records of one to three running containers and their pods are of another version, torn, or of an unknown type. */
export const recordsUnreadable: Trouble = async (ground) => {
  const { random } = ground;
  const kinds = ITEM_FAULTS.filter(({ name }) =>
    /^(of version v9|torn|with a torn spec|of a wrong type URL)$/.test(name),
  );
  const victims = victimsOf(ground);
  const specs = victims.map(
    ({ role }): FaultSpec => ({ where: { service: 'Containers', item: role }, kind: random.pick(kinds) }),
  );
  await startUnderFaults(ground, specs, victims);
};

/** Lists have nothing in them, alone or together. */
export const listsEmpty: Trouble = async (ground) => {
  const lists = [['Containers/List', 'Containers/ListStream'], ['Tasks/List'], ['Store/List']];
  const chosen = lists.filter(() => ground.random.next() < 0.5);
  const methods = (chosen.length > 0 ? chosen : [ground.random.pick(lists)]).flat();
  const [kind] = callFaults(/^empty$/);
  if (!kind) throw new Error('no answer can be empty');
  const wheres = methods.map((method): Where => ({ service: method.split('/')[0] ?? '', method }));
  await startUnderFaults(
    ground,
    wheres.map((where) => ({ where, kind })),
  );
};

/** What is asked for statistics is refused, or not answered. */
export const statisticsFail: Trouble = async (ground) => {
  const { random } = ground;
  const methods = ['Snapshots/Usage', 'Snapshots/Stat', 'Tasks/Metrics'].filter(() => random.next() < 0.6);
  const kinds = callFaults(/^(UNAVAILABLE|INTERNAL|NOT_FOUND|answer lost|hangs|never answers)$/);
  const specs = methods.map(
    (method): FaultSpec => ({ where: { service: method.split('/')[0] ?? '', method }, kind: random.pick(kinds) }),
  );
  await startUnderFaults(ground, specs);
};

/** One snapshot cannot be measured. It hides no other. */
export const snapshotFails: Trouble = async (ground) => {
  const { random, chaos, faults } = ground;
  const running = chaos.watched.running();
  if (running.length === 0) return startUnderFaults(ground, []);
  const one = random.pick(running);
  const victim: NamedPod = { role: 'victim', pod: one, containers: [] };
  const kind = random.pick(callFaults(/^(UNAVAILABLE|INTERNAL|never answers)$/));
  const where: Where = { service: 'Snapshots', method: 'Snapshots/Usage', about: 'overlayfs victim' };
  await startUnderFaults(ground, [{ where, kind }], [victim], async () => {
    const limit = Date.now() + MEASURED_MS;
    let hidden = running.filter((each) => each !== one);
    while (hidden.length > 0 && Date.now() < limit) {
      await pause(500);
      const measured = await measuredLayers(ground);
      hidden = hidden.filter((each) => !measured.has(each.id) && chaos.watched.isRunning(each));
    }
    for (const { id } of hidden) faults.add('wrong statistics', `${id} is hidden by ${one.id} (${kind.name})`);
  });
};

/** Containers whose writable layer is told. */
async function measuredLayers({ chaos }: TroubleGround): Promise<Set<string>> {
  const asked = chaos.node.cri.runtime.listContainerStats({ filter: undefined }, { timeoutMs: 5000 });
  const { stats } = await asked.catch(() => ({ stats: [] }));
  return new Set(
    stats.flatMap(({ attributes, writableLayer }) => (attributes && writableLayer ? [attributes.id] : [])),
  );
}

/** Starts crisp while these faults last, which is a while, and as long as `meanwhile` takes. */
async function startUnderFaults(
  ground: TroubleGround,
  specs: readonly FaultSpec[],
  victims: readonly NamedPod[] = [],
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<void> {
  const { chaos, done } = ground;
  const faults = specs.map((spec) => new Fault(spec, victims, new Map(), HANG_MS));
  chaos.planCalls((call) => {
    for (const fault of faults) {
      const treatment = fault.plan(call);
      if (treatment) return treatment;
    }
    return undefined;
  });
  await chaos.startUnder(
    async () => void (await Promise.all([aWhile(ground), meanwhile()])),
    () => {
      chaos.planCalls(undefined);
      for (const fault of faults) fault.lift();
    },
  );
  for (const [i, { where }] of specs.entries()) {
    done.add(`calls that went wrong: ${where.method ?? `${where.service}/*`}`, faults[i]?.hits);
  }
}

/** One to three of the running containers, and their pods, named for a fault. */
function victimsOf({ chaos, random }: TroubleGround): NamedPod[] {
  const running = chaos.watched.running();
  if (running.length === 0) return [];
  const chosen = Array.from({ length: random.between(1, 3) }, () => random.pick(running));
  const ids = new Set(chosen.flatMap(({ id, podId }) => (random.next() < 0.5 ? [id] : [podId])));
  return [...ids].map((id, i) => ({ role: `victim-${i}`, pod: { id }, containers: [] }));
}

function callFaults(names: RegExp): CallFault[] {
  return CALL_FAULTS.filter(({ name }) => names.test(name));
}
