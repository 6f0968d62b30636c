import { SnapshotUsage } from '../../../src/sampler/snapshot-usage';
import { until } from '../../support/daemon/process';
import { useRig } from '../../support/use-rig';

const rig = useRig();
const never = new AbortController().signal;
const LONG_MS = 20_000;
/** What all snapshots and the content store take. */
const everything = (): bigint => {
  const { blobs, snapshots } = rig.now.fake.state;
  return [...blobs.values()].reduce((sum, { data }) => sum + BigInt(data.length), BigInt(snapshots.size) * 4096n);
};
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
    const [at = ''] = [...rig.now.fake.state.snapshots.keys()];
    const isMeasured = async (): Promise<boolean> =>
      usage.layer('overlayfs', at.replace('overlayfs ', '')) !== undefined;
    await until('a snapshot is measured', LONG_MS, isMeasured);
  });

  it('never rejects because of what it measures, and the next one begins anew', async () => {
    const usage = new SnapshotUsage(rig.now.deps, true);
    for (const method of ['Snapshots/List', 'Content/List']) rig.now.fake.fail(method, {});
    await usage.measure(never);
    await until('all is measured', LONG_MS, async () => {
      await usage.measure(never);
      return (await usage.filesystems())[0]?.usedBytes === everything();
    });
  });

  it('is over in seconds when the only snapshotter hangs, and says why there are no figures', async () => {
    rig.now.fake.fail('Snapshots/List', { nth: 'always', hang: true });
    await expect(new SnapshotUsage(rig.now.deps).filesystems()).rejects.toThrow('listing the snapshots of overlayfs');
  });

  it('counts the content store as it was last when that cannot be listed', async () => {
    const usage = new SnapshotUsage(rig.now.deps, true);
    await until('all is measured', LONG_MS, async () => (await usage.filesystems())[0]?.usedBytes === everything());
    const [before] = await usage.filesystems();
    rig.now.fake.fail('Content/List', { nth: 'always' });
    await usage.measure(never);
    const [after] = await usage.filesystems();
    expect(after?.usedBytes).toBe(before?.usedBytes);
    expect(after?.inodesUsed).toBe(before?.inodesUsed);
  });
});
