import { mkdirSync } from 'node:fs';
import { newId } from '../../../src/base/ids';
import type { NewContainerRecord } from '../../../src/containerd/containers';
import { sweepRecords } from '../../../src/gc/sweep-records';
import { KIND_CONTAINER, KIND_LABEL, KIND_SANDBOX } from '../../../src/state/labels';
import { makeContainer, runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';

const rig = useRig({ sandboxStore: true });
const nanos = (ms: number): bigint => BigInt(ms) * 1_000_000n;
const TEN_MINUTES = 600_000;

/** As it would be ten minutes from now, of a server that runs since a minute ago. */
function sweep({ after = TEN_MINUTES, since = Date.now() - 60_000 } = {}): Promise<void> {
  const ages = { since: nanos(since), now: nanos(Date.now() + after) };
  return sweepRecords(rig.now.deps, new AbortController().signal, ages);
}

const recordOf = (id: string, kind?: string): NewContainerRecord => ({
  ...{ id, image: '', runtime: { name: 'io.containerd.runc.v2' }, labels: kind ? { [KIND_LABEL]: kind } : {} },
  ...{ snapshotter: '', snapshotKey: '', extensions: {}, sandboxId: '' },
});
const containers = (): string[] => [...rig.now.fake.state.containers.keys()];
const sandboxes = (): string[] => [...rig.now.fake.state.sandboxes.keys()];
const POD = { labels: { [KIND_LABEL]: KIND_SANDBOX }, sandboxer: 'podsandbox' };

describe('The sweep of records', () => {
  it('deletes what containerd recorded after the undo, and nothing that is listed', async () => {
    const pod = await runPod(rig.now);
    const { metadata } = await makeContainer(rig.now, pod);
    const { containerd } = rig.now.deps;
    const late = newId();
    await containerd.containers.create(recordOf(newId(), KIND_CONTAINER));
    await containerd.containers.create(recordOf(late, KIND_SANDBOX));
    await containerd.sandboxStore.create({ id: late, ...POD });
    await sweep();
    expect([containers(), sandboxes()]).toEqual([[pod, metadata.id], [pod]]);
  });

  it.each<[string, NewContainerRecord, Parameters<typeof sweep>[0], (id: string) => Promise<unknown> | undefined]>([
    ['another client made', recordOf(newId()), {}, () => undefined],
    ['was made a moment ago', recordOf(newId(), KIND_CONTAINER), { after: 0 }, () => undefined],
    [
      'is older than this server',
      recordOf(newId(), KIND_CONTAINER),
      { since: Date.now() + 3_600_000 },
      () => undefined,
    ],
    ['somebody works at', recordOf(newId(), KIND_CONTAINER), {}, (id) => rig.now.deps.locks.hold(id)],
    ['has processes', recordOf(newId(), KIND_CONTAINER), {}, async (id) => rig.now.host.strays.add(id)],
    ['has files', recordOf(newId(), KIND_CONTAINER), {}, async (id) => makeFiles(id)],
  ])('leaves what %s', async (_what, record, ages, arrange) => {
    const pod = await runPod(rig.now);
    await rig.now.deps.containerd.containers.create(record);
    const held = (await arrange(record.id)) as { release?(): void } | undefined;
    await sweep(ages);
    expect(containers()).toEqual([pod, record.id]);
    held?.release?.();
    rig.now.host.strays.clear();
    await rig.now.deps.host.removeTree(rig.now.deps.paths.containerRoot(record.id));
    await rig.now.deps.containerd.containers.delete(record.id);
  });

  it.each<[string, object]>([
    ['another sandboxer', { ...POD, sandboxer: 'shim' }],
    ['another client', { ...POD, labels: {} }],
  ])('leaves the sandbox record of %s', async (_whose, record) => {
    const id = newId();
    await rig.now.deps.containerd.sandboxStore.create({ id, ...record });
    await sweep();
    expect(sandboxes()).toEqual([id]);
    await rig.now.deps.containerd.sandboxStore.delete(id);
  });

  it('deletes nothing while containerd does not say whether there is a task', async () => {
    const id = newId();
    await rig.now.deps.containerd.containers.create(recordOf(id, KIND_CONTAINER));
    rig.now.fake.fail('Tasks/Get', { nth: 'always' });
    await expect(sweep()).rejects.toThrow('made to fail');
    expect(containers()).toEqual([id]);
    await rig.now.deps.containerd.containers.delete(id);
  });
});

function makeFiles(id: string): void {
  mkdirSync(rig.now.deps.paths.containerRoot(id), { recursive: true });
}
