import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { containerStatus } from '../../../src/cri/container/container-status';
import { podSandboxStatus } from '../../../src/cri/sandbox/pod-sandbox-status';
import { stopPodSandbox } from '../../../src/cri/sandbox/stop-pod-sandbox';
import { containerState } from '../../../src/model/container';
import { Code } from '../../../src/rpc/code';
import { askAndRecover } from '../../support/ask-and-recover';
import { runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { until } from '../../support/streaming/until';
import { ended, removeAll } from '../../support/use-rig';

let rig: StoryRig;
let pod: string;
beforeEach(async () => {
  rig = await StoryRig.start();
  pod = await runPod(rig);
});
afterEach(async () => {
  rig.heal();
  await removeAll(rig);
  expect(await rig.leftovers()).toEqual({});
  await rig.close();
});

async function restart(): Promise<void> {
  rig = rig.restarted();
  await rig.deps.images.resync();
  await askAndRecover(rig.deps);
}

const podState = (): string | undefined => rig.deps.sandboxes.get(pod)?.status.state;
const stateOf = (id: string): string | undefined => {
  const container = rig.deps.containers.get(id);
  return container && containerState(container.status);
};

describe('A record that cannot be read', () => {
  const other = { metadata: { name: 'other', namespace: 'other', uid: 'other' } };

  const spoiled: [string, (extension: Buffer) => Buffer][] = [
    ['is absent', () => Buffer.alloc(0)],
    ['is torn', (extension) => extension.subarray(0, extension.length / 2)],
    ['is of another version', (extension) => Buffer.from(extension.toString().replace('"v1"', '"v9"'))],
  ];

  /** Spoils the metadata in the record of `id`; the answer mends it. */
  function spoil(id: string, how: (extension: Buffer) => Buffer): () => void {
    const record = rig.fake.state.containers.get(id);
    if (!record) throw new Error(`there is no record of ${id}`);
    const { extensions } = record;
    record.extensions = Object.fromEntries(
      Object.entries(extensions).map(([key, each]) => [key, { ...each, value: how(each.value) }]),
    );
    return () => {
      record.extensions = extensions;
    };
  }

  it.each(spoiled)(
    'of a pod that %s: by its journal the pod is READY, and nothing of it is touched',
    async (_, how) => {
      const well = await runPod(rig, other);
      const before = [[...rig.networks.attached.keys()], [...rig.host.netns], [...rig.host.mounts]];
      const mend = spoil(pod, how);
      await restart();
      expect([podState(), rig.deps.sandboxes.get(well)?.status.state]).toEqual(['READY', 'READY']);
      expect([[...rig.networks.attached.keys()], [...rig.host.netns], [...rig.host.mounts]]).toEqual(before);
      const { status } = await podSandboxStatus(rig.deps, { podSandboxId: pod, verbose: false }, rig.call());
      expect(status?.network?.ip).toBe(rig.deps.sandboxes.get(pod)?.metadata.ip);
      mend();
    },
  );

  it.each(spoiled)('of a pod that %s, nor its journal: it is listed READY, and its status waits', async (_, how) => {
    const mend = spoil(pod, how);
    const journal = join(rig.dir, 'root/sandboxes', `${pod}.json`);
    const content = readFileSync(journal);
    writeFileSync(journal, content.subarray(0, 20));
    await restart();
    expect(podState()).toBe('READY');
    expect(rig.networks.attached.has(pod)).toBe(true);
    const status = () => podSandboxStatus(rig.deps, { podSandboxId: pod, verbose: false }, rig.call());
    await expect(status()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    mend();
    await until('it can be read', () => rig.deps.sandboxes.get(pod)?.unreadable === undefined);
    expect((await status()).status?.metadata?.name).toBe('web');
  });

  it.each(spoiled)('of a container that %s: it is listed RUNNING, and its status waits', async (_, how) => {
    const bad = (await runContainer(rig, pod)).metadata.id;
    const well = (await runContainer(rig, pod, { metadata: { name: 'well' } })).metadata.id;
    const mend = spoil(bad, how);
    await restart();
    expect([stateOf(well), stateOf(bad)]).toEqual(['RUNNING', 'RUNNING']);
    expect(rig.deps.containers.get(bad)?.metadata.sandboxId).toBe(pod);
    const status = () => containerStatus(rig.deps, { containerId: bad, verbose: false }, rig.call());
    await expect(status()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    mend();
    await until('it can be read', () => rig.deps.containers.get(bad)?.unreadable === undefined);
    expect((await status()).status?.metadata?.name).toBe('app');
  });

  it.each(['a pod', 'a container'])('of %s that is about another says nothing, and nothing is said', async (what) => {
    const { id } = (await runContainer(rig, pod)).metadata;
    const mend = spoil(what === 'a pod' ? pod : id, (extension) =>
      Buffer.from(extension.toString().replace(/"ID":"[0-9a-f]{64}"/, `"ID":"${'f'.repeat(64)}"`)),
    );
    await expect(restart()).rejects.toThrow('is about another');
    expect([rig.deps.sandboxes.list(), rig.networks.attached.has(pod)]).toEqual([[], true]);
    mend();
    await askAndRecover(rig.deps);
    expect([podState(), stateOf(id)]).toEqual(['READY', 'RUNNING']);
  });

  it('that the list has, about another, is there though Get says that there is none: nothing is rolled back', async () => {
    await stopPodSandbox(rig.deps, { podSandboxId: pod }, rig.call());
    const mend = spoil(pod, (extension) =>
      Buffer.from(extension.toString().replace(/"ID":"[0-9a-f]{64}"/, `"ID":"${'f'.repeat(64)}"`)),
    );
    rig = rig.restarted();
    const get = jest.spyOn(rig.deps.containerd.containers, 'get').mockResolvedValue(undefined);
    await expect(askAndRecover(rig.deps)).rejects.toThrow('is about another');
    expect(existsSync(join(rig.dir, 'root/sandboxes', `${pod}.json`))).toBe(true);
    get.mockRestore();
    mend();
    await askAndRecover(rig.deps);
    expect(podState()).toBe('NOTREADY');
  });

  it('of a container that has ended, though its status file and its snapshot are there, is waited for', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    rig.fake.process(id).exit(7);
    await ended(rig, id);
    const record = rig.fake.state.containers.get(id);
    rig.fake.state.containers.delete(id);
    await expect(restart()).rejects.toThrow('a snapshot is there');
    if (record) rig.fake.state.containers.set(id, record);
    await askAndRecover(rig.deps);
    expect(stateOf(id)).toBe('EXITED');
  });

  it('of a container whose OCI spec is torn: only its user is not known, until the spec can be read', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    const status = async () =>
      (await containerStatus(rig.deps, { containerId: id, verbose: false }, rig.call())).status;
    const before = await status();
    expect(before?.user).toBeDefined();
    const record = rig.fake.state.containers.get(id);
    const spec = record?.spec;
    if (record && spec) record.spec = { ...spec, value: spec.value.subarray(0, 100) };
    await restart();
    expect([stateOf(id), (await status())?.user]).toEqual(['RUNNING', undefined]);
    expect(rig.deps.retries.pending).toMatchObject([
      { what: `the record of container ${id}`, error: 'its OCI spec in containerd is torn' },
    ]);
    if (record) record.spec = spec;
    await until('its user is known', () => rig.deps.containers.get(id)?.user !== undefined);
    expect(await status()).toEqual(before);
  });

  it('with a name that another one has is found all the same', async () => {
    const container = await runContainer(rig, pod);
    const second = await runContainer(rig, pod, { metadata: { name: 'second' } });
    const record = rig.fake.state.containers.get(second.metadata.id);
    for (const extension of Object.values(record?.extensions ?? {})) {
      extension.value = Buffer.from(
        extension.value.toString().replaceAll(second.metadata.name, container.metadata.name),
      );
    }
    await restart();
    expect([container, second].map(({ metadata }) => stateOf(metadata.id))).toEqual(['RUNNING', 'RUNNING']);
  });
});
