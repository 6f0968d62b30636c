import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NamespaceMode } from '../../../generated/cri/v1/api';
import { silentLogger } from '../../../src/base/logger';
import { Retries } from '../../../src/base/work/retry-queue';
import { containerState } from '../../../src/model/container';
import { Code } from '../../../src/rpc/code';
import { askAndRecover } from '../../support/ask-and-recover';
import { AUTO, runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { until } from '../../support/streaming/until';
import { removeAll } from '../../support/use-rig';

/** A pod's configuration; without a PID namespace of its own it needs no pause task. */
function podConfig(name: string, network: NamespaceMode, pid: NamespaceMode) {
  return {
    metadata: { name, namespace: 'default', uid: name, attempt: 0 },
    linux: { securityContext: { namespaceOptions: { network, pid } } },
  };
}
const QUICK = { firstMs: 20, maxMs: 50 };

describe.each([
  ['with a pause task', { sandboxStore: true }, NamespaceMode.POD],
  ['without a pause task', { sandboxStore: true, config: AUTO }, NamespaceMode.CONTAINER],
])('A start over pods %s', (_kind, options, pid) => {
  let rig: StoryRig;
  let retries: Retries;
  let pods: string[];
  let containers: string[];
  let truth: unknown;

  beforeEach(async () => {
    rig = await StoryRig.start(options);
    const configs = [podConfig('bridge', NamespaceMode.POD, pid), podConfig('node', NamespaceMode.NODE, pid)];
    pods = [];
    containers = [];
    for (const config of configs) {
      const pod = await runPod(rig, config);
      pods.push(pod);
      const { linux } = config;
      containers.push((await runContainer(rig, pod, { linux })).metadata.id);
    }
    truth = whatThereIs();
    rig = rig.restarted(options);
    retries = new Retries(silentLogger, QUICK);
    await rig.deps.images.resync();
  });

  afterEach(async () => {
    rig.heal();
    retries.stop();
    await removeAll(rig);
    expect(await rig.leftovers()).toEqual({});
    await rig.close();
  });

  /** Everything that runs or was made for pods. */
  function whatThereIs() {
    const { tasks, containers: records, leases, sandboxes, snapshots } = rig.fake.state;
    return {
      tasks: [...tasks].map(([id, { init }]) => [id, init.status, init.signals.length]),
      records: [...records.keys()],
      leases: [...leases.keys()].filter((id) => !id.startsWith('crisp-')),
      sandboxes: [...sandboxes.keys()],
      snapshots: [...snapshots.keys()].filter((key) => !key.includes('crisp-')),
      attached: [...rig.networks.attached.keys()],
      netns: [...rig.host.netns],
      mounts: [...rig.host.mounts],
    };
  }

  const recover = (): Promise<void> => askAndRecover({ ...rig.deps, retries });
  const states = (): unknown[] => [
    ...pods.map((id) => rig.deps.sandboxes.get(id)?.status.state),
    ...containers.map((id) => rig.deps.containers.get(id)).map((found) => found && containerState(found.status)),
  ];
  const RIGHT = ['READY', 'READY', 'RUNNING', 'RUNNING'];
  const ips = () => pods.map((id) => rig.deps.sandboxes.get(id)?.metadata.ip);

  it('finds all of them when the list of records is empty, by asking for each', async () => {
    const list = jest.spyOn(rig.deps.containerd.containers, 'list').mockResolvedValueOnce([]);
    await recover();
    expect(states()).toEqual(RIGHT);
    expect(whatThereIs()).toEqual(truth);
    list.mockRestore();
  });

  it('says nothing while containerd has no record of what runs, and touches nothing', async () => {
    const list = jest.spyOn(rig.deps.containerd.containers, 'list').mockResolvedValue([]);
    const get = jest.spyOn(rig.deps.containerd.containers, 'get').mockResolvedValue(undefined);
    await expect(recover()).rejects.toThrow('containerd says that it has no record');
    expect(whatThereIs()).toEqual(truth);
    list.mockRestore();
    get.mockRestore();
    await recover();
    expect(states()).toEqual(RIGHT);
    expect(whatThereIs()).toEqual(truth);
  });

  it('finds what a list has left out, and what it has twice once', async () => {
    const [first] = await rig.deps.containerd.containers.list();
    const list = jest.spyOn(rig.deps.containerd.containers, 'list').mockResolvedValueOnce(first ? [first, first] : []);
    await recover();
    expect(states()).toEqual(RIGHT);
    expect(whatThereIs()).toEqual(truth);
    list.mockRestore();
  });

  it.each(['UNAVAILABLE', 'INTERNAL', 'NOT_FOUND', 'UNIMPLEMENTED'] as const)(
    'touches nothing when the sandbox store says %s to everything',
    async (code) => {
      for (const method of ['List', 'Get']) rig.fake.fail(`Store/${method}`, { nth: 'always', code: Code[code] });
      await recover();
      expect(states()).toEqual(RIGHT);
      expect(whatThereIs()).toEqual(truth);
      expect(ips()).toEqual([expect.stringMatching(/\d/), '']);
    },
  );

  it('touches nothing when each question to the sandbox store fails and the journal is gone', async () => {
    for (const id of pods) rmSync(join(rig.dir, 'root/sandboxes', `${id}.json`));
    for (const method of ['List', 'Get']) rig.fake.fail(`Store/${method}`, { nth: 'always' });
    await recover();
    expect(states()).toEqual(RIGHT);
    expect(whatThereIs()).toEqual(truth);
    rig.heal();
    await until('the network is known', () => pods.every((id) => rig.deps.sandboxes.get(id)?.unreadable === undefined));
    expect(ips()).toEqual([expect.stringMatching(/\d/), '']);
  });

  it.each([
    ['gone', (path: string) => rmSync(path)],
    ['torn', (path: string) => writeFileSync(path, '{"Version":"v1","Meta')],
    ['garbage', (path: string) => writeFileSync(path, Buffer.from([0, 1, 2]))],
    [
      'a directory',
      (path: string) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
  ])('touches nothing when the journal of each pod is %s', async (_how, spoil) => {
    const paths = pods.map((id) => join(rig.dir, 'root/sandboxes', `${id}.json`));
    for (const path of paths) spoil(path);
    await recover();
    expect(states()).toEqual(RIGHT);
    expect(whatThereIs()).toEqual(truth);
    for (const path of paths) rmSync(path, { recursive: true, force: true });
  });

  it('takes no task for gone because a Wait says so, nor kills what it ran', async () => {
    rig.fake.fail('Tasks/Wait', { nth: 'always', code: Code.NOT_FOUND });
    const waits = () => rig.fake.calls.filter((call) => call.endsWith('Tasks/Wait')).length;
    const before = waits();
    await recover();
    await until('each is asked for again', () => waits() - before >= 8);
    expect(states()).toEqual(RIGHT);
    expect(whatThereIs()).toEqual(truth);
  });

  it('lets nothing be taken for gone of which every question for its task says NOT_FOUND', async () => {
    for (const method of ['Wait', 'Get', 'List'])
      rig.fake.fail(`Tasks/${method}`, { nth: 'always', code: Code.NOT_FOUND });
    await recover();
    expect(states()).toEqual(RIGHT);
    expect(whatThereIs()).toEqual(truth);
    rig.heal();
    await until('nothing is in doubt', () => retries.pending.length === 0);
    expect(states()).toEqual(RIGHT);
  });

  it('rolls an interrupted creation back only when its record is absent for certain', async () => {
    const id = 'e'.repeat(64);
    await recover();
    const [model] = rig.deps.sandboxes.list();
    if (!model) throw new Error('no pod was found');
    const { metadata } = model;
    await rig.deps.sandboxes.record({ ...metadata, id, name: 'half', netnsPath: rig.deps.paths.netns(id) });
    rig.host.netns.add(rig.deps.paths.netns(id));
    rig = rig.restarted(options);
    await rig.deps.images.resync();
    const get = jest.spyOn(rig.deps.containerd.containers, 'get').mockRejectedValue(new Error('busy'));
    await expect(recover()).rejects.toThrow('its files are there');
    expect(rig.host.netns.has(rig.deps.paths.netns(id))).toBe(true);
    const age = jest.spyOn(retries, 'ageMs').mockReturnValue(31_000);
    await recover(); // it holds up the others for thirty seconds at most
    expect(states()).toEqual(RIGHT);
    expect(rig.host.netns.has(rig.deps.paths.netns(id))).toBe(true);
    age.mockRestore();
    get.mockRestore();
    await until('it is rolled back', () => !rig.host.netns.has(rig.deps.paths.netns(id)));
    await until('it is not listed', () => rig.deps.sandboxes.get(id) === undefined);
    expect(states()).toEqual(RIGHT);
  });
});
