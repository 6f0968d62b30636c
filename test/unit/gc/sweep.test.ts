import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '../../../src/base/ids';
import type { NewContainerRecord } from '../../../src/containerd/containers';
import { Sweep } from '../../../src/gc/sweep';
import { podLease } from '../../../src/pods/pod-lease';
import { makeContainer, runContainer, runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';

const rig = useRig();
const sweep = (): Promise<boolean> => new Sweep(rig.now.deps).sweep(new AbortController().signal);
const leases = async (): Promise<string[]> =>
  (await rig.now.deps.containerd.leases.list()).map(({ id }) => id).filter((id) => !id.startsWith('crisp-'));

const recordOf = (id: string): NewContainerRecord => ({
  ...{ id, labels: {}, image: '', runtime: { name: 'io.containerd.runc.v2' } },
  ...{ snapshotter: '', snapshotKey: '', extensions: {}, sandboxId: '' },
});

describe('A sweep', () => {
  it('deletes the leases of pods that are gone, and no others', async () => {
    const pod = await runPod(rig.now);
    const { leases: service } = rig.now.deps.containerd;
    await service.create(podLease(newId()));
    await service.create({ id: 'of-nerdctl' });
    const others = newId();
    await service.create({ id: others });
    await sweep();
    expect((await leases()).sort()).toEqual([pod, 'of-nerdctl', others].sort());
    for (const id of ['of-nerdctl', others]) await service.delete(id);
  });

  it('removes root filesystems that no container has, when a pod of ours holds them', async () => {
    const pod = await runPod(rig.now);
    const container = await makeContainer(rig.now, pod);
    const { snapshots } = rig.now.deps.containerd;
    const { snapshotter } = container;
    const [half, nerdctls, view] = [newId(), newId(), newId()];
    await snapshots.prepare({ snapshotter, key: half, parent: '' }, { lease: pod });
    await snapshots.view({ snapshotter, key: view, parent: '' }, { lease: pod });
    await rig.now.deps.containerd.leases.create({ id: 'other' });
    await snapshots.prepare({ snapshotter, key: nerdctls, parent: '' }, { lease: 'other' });
    await sweep();
    const there = async (key: string): Promise<boolean> => (await snapshots.stat({ snapshotter, key })) !== undefined;
    const keys = [half, nerdctls, view, pod, container.metadata.id];
    expect(await Promise.all(keys.map(there))).toEqual([false, true, true, true, true]);
    await rig.now.deps.containerd.leases.delete('other');
  });

  it('removes directories of pods and containers that nobody knows, and nothing of others', async () => {
    const pod = await runPod(rig.now);
    const { metadata } = await runContainer(rig.now, pod);
    const dirs = rig.now.deps.paths.directoriesById();
    const gone = newId();
    for (const dir of dirs) for (const name of [gone, 'not-an-id']) mkdirSync(join(dir, name), { recursive: true });
    await sweep();
    for (const dir of dirs) {
      expect(readdirSync(dir)).toContain('not-an-id');
      expect(readdirSync(dir)).not.toContain(gone);
    }
    expect(readdirSync(dirs[0] ?? '')).toContain(pod);
    expect(readdirSync(dirs[1] ?? '')).toContain(metadata.id);
    for (const dir of dirs) await rig.now.deps.host.removeTree(join(dir, 'not-an-id'));
  });

  it('leaves alone what is being made', async () => {
    const { containerd, locks, paths, stdio } = rig.now.deps;
    const id = newId();
    await using _held = await locks.hold(id);
    await containerd.leases.create(podLease(id));
    mkdirSync(paths.containerRoot(id), { recursive: true });
    await stdio.open({ id, tty: false, logPath: '', maxLineBytes: 0 });
    await sweep();
    expect(await leases()).toEqual([id]);
    expect(readdirSync(join(paths.containerRoot(id), '..'))).toEqual([id]);
    expect(await stdio.list()).toEqual([id]);
    await containerd.leases.delete(id);
    await rig.now.deps.host.removeTree(paths.containerRoot(id));
    await stdio.close(id);
  });

  it('lets go of the stdio of containers that are gone', async () => {
    const pod = await runPod(rig.now);
    const { metadata } = await runContainer(rig.now, pod);
    await rig.now.deps.stdio.open({ id: 'gone', tty: false, logPath: '', maxLineBytes: 0 });
    await sweep();
    expect(await rig.now.deps.stdio.list()).toEqual([metadata.id]);
  });

  it('does the rest when a part of it fails', async () => {
    const { leases: service } = rig.now.deps.containerd;
    const id = newId();
    await service.create(podLease(id));
    rig.now.faults.fail('gc', { nth: 1 });
    await sweep();
    expect(await leases()).toEqual([]);
  });

  it.each([
    ['containerd has a record of it', (id: string) => rig.now.deps.containerd.containers.create(recordOf(id))],
    ['processes of it run', async (id: string) => void rig.now.host.strays.add(id)],
    ['nobody can say whether it has a record', async () => rig.now.fake.fail('Containers/Get', { nth: 'always' })],
  ])('destroys nothing of an id that is not listed when %s', async (_when, arrange) => {
    await runPod(rig.now);
    const id = newId();
    const { containerd, paths, stdio } = rig.now.deps;
    await arrange(id);
    await containerd.leases.create(podLease(id));
    const dirs = paths.directoriesById().map((dir) => join(dir, id));
    for (const dir of dirs) mkdirSync(dir, { recursive: true });
    await stdio.open({ id, tty: false, logPath: '', maxLineBytes: 0 });
    await sweep();
    expect(await leases()).toContain(id);
    expect(dirs.filter((dir) => existsSync(dir))).toEqual(dirs);
    expect(await stdio.list()).toContain(id);
    rig.now.heal();
    rig.now.host.strays.clear();
    await containerd.containers.delete(id);
    await sweep();
    expect([await leases(), dirs.filter((dir) => existsSync(dir))]).toEqual([expect.not.arrayContaining([id]), []]);
  });

  it('destroys nothing while containerd says that it has no containers and crisp lists some', async () => {
    await runPod(rig.now);
    const gone = newId();
    await rig.now.deps.containerd.leases.create(podLease(gone));
    const list = jest.spyOn(rig.now.deps.containerd.containers, 'list').mockResolvedValue([]);
    expect(await sweep()).toBe(false);
    list.mockRestore();
    expect(await leases()).toContain(gone);
    expect(await sweep()).toBe(true);
    expect(await leases()).not.toContain(gone);
  });
});
