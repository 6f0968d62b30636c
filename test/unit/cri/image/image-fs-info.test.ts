import { imageFsInfo } from '../../../../src/cri/image/image-fs-info';
import { plugin } from '../../../support/fake/daemon-rows';
import { runPod } from '../../../support/story-pods';
import { StoryRig } from '../../../support/story-rig';
import { useRig } from '../../../support/use-rig';

const TWO_SNAPSHOTTERS = `
[containerd.runtimes.block]
runtime_type = "io.containerd.runc.v2"
snapshotter = "devmapper"
`;
/** Of every snapshot in the fake. */
const USAGE = { size: 4096n, inodes: 1n };

const rig = useRig({ config: TWO_SNAPSHOTTERS });

describe('ImageFsInfo', () => {
  it('sums up the snapshots of each snapshotter, the default one first, and no container filesystem', async () => {
    await runPod(rig.now);
    const before = BigInt(Date.now()) * 1_000_000n;
    const { imageFilesystems, containerFilesystems } = await imageFsInfo(rig.now.deps);
    const snapshots = BigInt(rig.now.fake.state.snapshots.size);
    expect(imageFilesystems).toEqual([
      {
        timestamp: expect.any(BigInt),
        fsId: { mountpoint: `${rig.now.fake.dir}/snapshots/overlayfs` },
        usedBytes: { value: snapshots * USAGE.size },
        inodesUsed: { value: snapshots * USAGE.inodes },
      },
      {
        timestamp: expect.any(BigInt),
        fsId: { mountpoint: '/var/lib/containerd/io.containerd.snapshotter.v1.devmapper' },
        usedBytes: { value: 0n },
        inodesUsed: { value: 0n },
      },
    ]);
    expect(containerFilesystems).toEqual([]);
    expect(imageFilesystems[0]?.timestamp).toBeGreaterThanOrEqual(before);
  });

  it('takes the word of a snapshotter of block devices for what it uses, under the root that it exports', async () => {
    const exports = { root: '/var/lib/devmapper' };
    rig.now.fake.world.plugins.push(plugin({ type: 'io.containerd.snapshotter.v1', id: 'devmapper', exports }));
    const now = rig.now.fake.world.now();
    const info = { name: 'volume', parent: '', kind: 2, labels: {}, createdAt: now, updatedAt: now };
    rig.now.fake.state.snapshots.set('devmapper volume', info);
    const { imageFilesystems } = await imageFsInfo(rig.now.deps);
    expect(imageFilesystems[1]).toMatchObject({
      fsId: { mountpoint: '/var/lib/devmapper' },
      usedBytes: { value: USAGE.size },
    });
    rig.now.fake.state.snapshots.delete('devmapper volume');
  });

  it('measures once for all that ask, and not again for each that asks later', async () => {
    const asked = () => rig.now.fake.calls.filter((call) => call.endsWith('Snapshots/List')).length;
    await Promise.all([imageFsInfo(rig.now.deps), imageFsInfo(rig.now.deps)]);
    const first = asked();
    await imageFsInfo(rig.now.deps);
    expect([first, asked()]).toEqual([2, 2]); // one per snapshotter
  });

  it('fails when containerd does', async () => {
    rig.now.fake.fail('Snapshots/List', {});
    await expect(imageFsInfo(rig.now.deps)).rejects.toThrow('made to fail');
  });

  it('counts the content store with the default snapshotter when that is wanted', async () => {
    const counting = await StoryRig.start({ config: `image_fs_counts_content = true\n${TWO_SNAPSHOTTERS}` });
    try {
      const { blobs, snapshots } = counting.fake.state;
      const content = [...blobs.values()].reduce((sum, { data }) => sum + BigInt(data.length), 0n);
      const { imageFilesystems } = await imageFsInfo(counting.deps);
      expect(imageFilesystems.map(({ usedBytes }) => usedBytes?.value)).toEqual([
        BigInt(snapshots.size) * USAGE.size + content,
        0n,
      ]);
      expect(imageFilesystems[0]?.inodesUsed?.value).toBe(BigInt(snapshots.size + blobs.size));
    } finally {
      await counting.close();
    }
  });
});
