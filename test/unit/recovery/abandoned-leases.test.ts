import { POD_LEASE_LABEL } from '../../../src/pods/pod-lease';
import { leasesAtStart } from '../../../src/recovery/abandoned-leases';
import { useRig } from '../../support/use-rig';

const rig = useRig();
/** As if this server had been started after all that is there. */
const LATER = BigInt(Date.now() + 3_600_000) * 1_000_000n;

describe('A server that starts', () => {
  it('deletes the leases of pulls, unpackings and views that it did not finish, and no others', async () => {
    const { leases } = rig.now.deps.containerd;
    const others = ['of-nerdctl', 'crisp-viewed', 'pod'];
    for (const id of ['crisp-pull-1', 'crisp-unpack-1', 'crisp-view-1']) await leases.create({ id });
    for (const id of others) await leases.create({ id, labels: { [POD_LEASE_LABEL]: 'true' } });
    await (await leasesAtStart(rig.now.deps, { startedAt: LATER })).cleared;
    expect((await leases.list()).map(({ id }) => id).sort()).toEqual([...others].sort());
    for (const id of others) await leases.delete(id);
  });

  it('deletes no lease of its own work, however often it asks', async () => {
    const { leases } = rig.now.deps.containerd;
    await leases.create({ id: 'crisp-pull-1' });
    const { inUse, cleared } = await leasesAtStart(rig.now.deps);
    await cleared;
    expect([...inUse]).toEqual(['crisp-pull-1']);
    expect((await leases.list()).map(({ id }) => id)).toEqual(['crisp-pull-1']);
    await leases.delete('crisp-pull-1');
  });

  it('removes views by itself, before their lease', async () => {
    const { leases, snapshots } = rig.now.deps.containerd;
    const ids = ['crisp-pull-1', 'crisp-view-1', 'crisp-view-2'];
    const key = (id: string): { snapshotter: string; key: string } => ({ snapshotter: 'overlayfs', key: `of ${id}` });
    for (const id of ids) {
      await leases.create({ id });
      await snapshots.prepare({ ...key(id), parent: '' }, { lease: id });
    }
    await snapshots.remove(key('crisp-view-2')); // it got that far
    // What there is as each lease goes; the collector of the fake comes right after it.
    rig.now.fake.fail('Leases/Delete', { passes: true, nth: 'always', hit: () => seen.push(snapshotNames()) });
    const [pull, view] = ['overlayfs of crisp-pull-1', 'overlayfs of crisp-view-1'];
    const snapshotNames = (): string[] => [...rig.now.fake.state.snapshots.keys()].filter((name) => / of /.test(name));
    const seen: string[][] = [];
    await (await leasesAtStart(rig.now.deps, { startedAt: LATER })).cleared;
    expect(await leases.list()).toEqual([]);
    expect(seen).toEqual([[pull, view], [], []]);
  });
});
