import { chainIds } from '../../../../src/images/document/digest';
import type { FakeRegistry } from '../../../support/fake-registry';
import { ImageBench } from '../../../support/image-bench';
import { testImage } from '../../../support/test-image';

let bench: ImageBench;
let registry: FakeRegistry;

beforeEach(async () => {
  bench = await ImageBench.start();
  registry = await bench.registry();
});
afterEach(async () => {
  expect(bench.fake.leftovers()).toEqual({});
  await bench.stop();
});

const image = testImage(['one', 'two']);
const chain = chainIds(image.diffIds);
const ref = (rest: string): string => `${registry.host}/${rest}`;

describe('pull with snapshot annotations', () => {
  it('tells the snapshotter what each layer is', async () => {
    bench.puller = bench.makePuller({ disableSnapshotAnnotations: false });
    registry.addImage('a/b', '1', image);
    await bench.pull(ref('a/b:1'));
    const [low, high] = image.layers.map(({ digest }) => digest);
    expect([...bench.fake.state.snapshots.values()].map(({ labels }) => labels)).toEqual([
      {
        'containerd.io/snapshot.ref': chain[0],
        'containerd.io/snapshot/diff-id': image.diffIds[0],
        'containerd.io/snapshot/cri.image-ref': ref('a/b:1'),
        'containerd.io/snapshot/cri.manifest-digest': image.manifest.digest,
        'containerd.io/snapshot/cri.layer-digest': low,
        'containerd.io/snapshot/cri.image-layers': `${low},${high}`,
      },
      expect.objectContaining({
        'containerd.io/snapshot/cri.layer-digest': high,
        'containerd.io/snapshot/cri.image-layers': high,
      }),
    ]);
  });

  it('does not fetch a layer that the snapshotter mounts from elsewhere', async () => {
    bench.puller = bench.makePuller({ disableSnapshotAnnotations: false });
    const single = testImage(['remote']);
    registry.addImage('a/b', '1', single);
    const name = single.diffIds[0] ?? '';
    const at = bench.fake.world.now();
    const snapshot = { name, parent: '', kind: 3, labels: {}, createdAt: at, updatedAt: at };
    bench.fake.state.snapshots.set(`overlayfs ${name}`, snapshot);
    for (const nth of [1, 2]) bench.fake.fail('Snapshots/Stat', { nth, code: 5 }); // not there until it is prepared
    bench.fake.fail('Snapshots/Prepare', { code: 6 });
    await bench.pull(ref('a/b:1'));
    expect(registry.count('GET', single.layers[0]?.digest ?? '')).toBe(0);
    expect(bench.fake.state.blobs.get(single.config.digest)?.labels).toMatchObject({
      'containerd.io/gc.ref.snapshot.overlayfs': name,
    });
  });

  it('takes no label that names a layer from the image', async () => {
    bench.puller = bench.makePuller({ disableSnapshotAnnotations: false });
    const annotations = {
      'containerd.io/snapshot/diff-id': 'sha256:other',
      'containerd.io/snapshot/parent-chain-id': 'sha256:other',
      'containerd.io/snapshot/kept': 'yes',
    };
    const [layer] = testImage(['one']).layers;
    const lying = testImage(['one'], {
      manifest: { layers: [{ mediaType: layer?.mediaType, digest: layer?.digest, size: layer?.size, annotations }] },
    });
    registry.addImage('a/b', '1', lying);
    await bench.pull(`${registry.host}/a/b:1`);
    const [labels] = [...bench.fake.state.snapshots.values()].map((each) => each.labels);
    expect(labels).toMatchObject({
      'containerd.io/snapshot/diff-id': lying.diffIds[0],
      'containerd.io/snapshot/kept': 'yes',
    });
    expect(labels).not.toHaveProperty('containerd.io/snapshot/parent-chain-id');
  });
});
