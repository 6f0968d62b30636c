import { Code } from '../../../src/rpc/code';
import { type Rig, record, startRig } from './rig';

const snapshotter = 'overlayfs';

describe('Snapshots', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(() => rig.close());

  it('are prepared, committed, and based on one another', async () => {
    const { snapshots } = rig.client;
    const mounts = await snapshots.prepare({ snapshotter, key: 'work', parent: '', labels: { a: '1' } });
    expect(mounts).toEqual([{ type: 'bind', source: expect.any(String), target: '', options: ['rw', 'rbind'] }]);
    expect(await snapshots.mounts({ snapshotter, key: 'work' })).toEqual(mounts);
    await snapshots.commit({ snapshotter, name: 'layer', key: 'work', labels: { b: '2' } });
    await snapshots.view({ snapshotter, key: 'look', parent: 'layer' });
    expect(await snapshots.stat({ snapshotter, key: 'work' })).toBeUndefined();
    const times = { createdAt: expect.any(BigInt), updatedAt: expect.any(BigInt) };
    const all = [
      { name: 'layer', parent: '', kind: 'COMMITTED', labels: { b: '2' }, ...times },
      { name: 'look', parent: 'layer', kind: 'VIEW', labels: {}, ...times },
    ];
    expect(await snapshots.list(snapshotter)).toEqual(all);
    expect(await snapshots.list(snapshotter, ['kind==view'])).toEqual(all.slice(1));
    expect(await snapshots.list('native')).toEqual([]);
    expect(await snapshots.stat({ snapshotter, key: 'layer' })).toEqual(all[0]);
    expect(await snapshots.usage({ snapshotter, key: 'look' })).toEqual({ size: 4096n, inodes: 1n });
    await expect(snapshots.remove({ snapshotter, key: 'layer' })).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
    });
    expect(await snapshots.remove({ snapshotter, key: 'look' })).toBe(true);
    expect(await snapshots.remove({ snapshotter, key: 'look' })).toBe(false);
    expect(await snapshots.usage({ snapshotter, key: 'look' })).toBeUndefined();
  });

  it('keep their other labels when some change', async () => {
    const { snapshots } = rig.client;
    await snapshots.prepare({ snapshotter, key: 'k', parent: '', labels: { keep: '1', 'containerd.io/gc.root': 'x' } });
    await snapshots.updateLabels({ snapshotter, key: 'k', labels: { 'containerd.io/gc.root': null, 'a.b/c': 'd' } });
    expect(await snapshots.stat({ snapshotter, key: 'k' })).toMatchObject({
      labels: { keep: '1', 'a.b/c': 'd' },
      kind: 'ACTIVE',
    });
  });

  it('need a parent that is committed', async () => {
    const { snapshots } = rig.client;
    await expect(snapshots.prepare({ snapshotter, key: 'k', parent: 'none' })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
  });

  it('stay as long as a lease or a container holds them', async () => {
    const { snapshots, leases, containers } = rig.client;
    const lease = (await leases.create()).id;
    await snapshots.prepare({ snapshotter, key: 'held', parent: '' }, { lease });
    await snapshots.prepare({ snapshotter, key: 'used', parent: '' }, { lease });
    await snapshots.prepare({ snapshotter, key: 'loose', parent: '' });
    await containers.create(record('c', { snapshotKey: 'used' }));
    await containers.create(record('other'));
    await containers.delete('other');
    expect((await snapshots.list(snapshotter)).map(({ name }) => name)).toEqual(['held', 'used']);
    expect(await leases.listResources(lease)).toEqual([
      { type: 'snapshots/overlayfs', id: 'held' },
      { type: 'snapshots/overlayfs', id: 'used' },
    ]);
    await leases.delete(lease);
    expect((await snapshots.list(snapshotter)).map(({ name }) => name)).toEqual(['used']);
    await containers.delete('c');
    expect(rig.fake.leftovers()).toEqual({});
  });
});
