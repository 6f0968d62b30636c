import { SnapshotUsage } from '../../../src/monitor/snapshot-usage';
import { useRig } from '../../support/use-rig';

const rig = useRig();
const never = new AbortController().signal;
const lists = (): number => rig.now.fake.calls.filter((call) => call.endsWith('Snapshots/List')).length;

describe('A round over all snapshots', () => {
  it('is one for all that wait for it, and goes on when the caller that began it leaves', async () => {
    const usage = new SnapshotUsage(rig.now.deps);
    const leaving = new AbortController();
    const first = usage.measure(leaving.signal);
    const second = usage.measure(never);
    leaving.abort(new Error('ImageFsInfo took too long'));
    await expect(first).rejects.toThrow('too long');
    await second;
    expect(lists()).toBe(1);
    const [key = ''] = [...rig.now.fake.state.snapshots.keys()];
    expect(usage.layer('overlayfs', key.replace('overlayfs ', ''))).toMatchObject({ size: 4096n });
  });

  it('never rejects because of what it measures, and the next one begins anew', async () => {
    const usage = new SnapshotUsage(rig.now.deps, true);
    for (const method of ['Snapshots/List', 'Content/List']) rig.now.fake.fail(method, {});
    await usage.measure(never);
    await usage.measure(never);
    expect((await usage.filesystems())[0]?.usedBytes).toBeGreaterThan(0n);
  });

  it('is over in seconds when the only snapshotter hangs, and says why there are no figures', async () => {
    rig.now.fake.fail('Snapshots/List', { nth: 'always', hang: true });
    await expect(new SnapshotUsage(rig.now.deps).filesystems()).rejects.toThrow('listing the snapshots of overlayfs');
  });

  it('counts the content store as it was last when that cannot be listed', async () => {
    const usage = new SnapshotUsage(rig.now.deps, true);
    const [before] = await usage.filesystems();
    rig.now.fake.fail('Content/List', { nth: 'always' });
    await usage.measure(never);
    const [after] = await usage.filesystems();
    expect(after?.usedBytes).toBe(before?.usedBytes);
    expect(after?.inodesUsed).toBe(before?.inodesUsed);
  });
});
