import { chainIds } from '../../../../src/images/document/digest';
import type { FakeRegistry } from '../../../support/fake-registry';
import { ImageBench, LINUX_AMD64, NOTHING, SANDBOX_IMAGE } from '../../../support/image-bench';
import { testImage, testIndex } from '../../../support/test-image';

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
const MANAGED = { 'io.cri-containerd.image': 'managed' };

describe('pull', () => {
  it('brings an image here and answers what is listed', async () => {
    registry.addImage('a/b', '1', image);
    const pulled = await bench.pull(ref('a/b:1'));
    expect(pulled).toEqual({
      id: image.config.digest,
      references: [ref('a/b:1'), ref(`a/b@${image.manifest.digest}`)],
      chainId: chain[1],
      diffIds: image.diffIds,
      size: BigInt([image.manifest, image.config, ...image.layers].reduce((sum, { size }) => sum + size, 0)),
      user: '',
      pinned: false,
      target: { mediaType: image.manifest.mediaType, digest: image.manifest.digest, size: BigInt(image.manifest.size) },
      platform: LINUX_AMD64,
    });
    expect(bench.index.list()).toEqual([pulled]);
    expect((await bench.index.withConfig(pulled)).config).toEqual({
      user: '',
      env: ['PATH=/bin'],
      entrypoint: [],
      cmd: ['sh'],
      workingDir: '',
      labels: {},
      volumes: [],
      stopSignal: '',
    });
    expect(await bench.index.configDocument(pulled.id)).toEqual(image.config.data);
  });

  it('records id, tag and digest, and labels all so that nothing is collected', async () => {
    registry.addImage('a/b', '1', image);
    await bench.pull(ref('a/b:1'));
    const { images, blobs, snapshots } = bench.fake.state;
    const names = [image.config.digest, ref('a/b:1'), ref(`a/b@${image.manifest.digest}`)].sort();
    expect([...images.keys()].sort()).toEqual(names);
    for (const record of images.values()) {
      expect(record).toMatchObject({ labels: MANAGED, target: { digest: image.manifest.digest } });
    }
    const source = { [`containerd.io/distribution.source.${registry.host}`]: 'a/b' };
    const [low, high] = image.layers;
    expect(Object.fromEntries([...blobs].map(([digest, { labels }]) => [digest, labels]))).toEqual({
      [image.manifest.digest]: {
        ...source,
        'containerd.io/gc.ref.content.config': image.config.digest,
        'containerd.io/gc.ref.content.l.0': low?.digest,
        'containerd.io/gc.ref.content.l.1': high?.digest,
      },
      [image.config.digest]: { ...source, 'containerd.io/gc.ref.snapshot.overlayfs': chain[1] },
      [low?.digest ?? '']: { ...source, 'containerd.io/uncompressed': image.diffIds[0] },
      [high?.digest ?? '']: { ...source, 'containerd.io/uncompressed': image.diffIds[1] },
    });
    expect([...snapshots.values()].map(({ name, parent, labels }) => ({ name, parent, labels }))).toEqual([
      {
        name: chain[0],
        parent: '',
        labels: { 'containerd.io/snapshot.ref': chain[0], 'containerd.io/snapshot/diff-id': image.diffIds[0] },
      },
      {
        name: chain[1],
        parent: chain[0],
        labels: {
          'containerd.io/snapshot.ref': chain[1],
          'containerd.io/snapshot/diff-id': image.diffIds[1],
          'containerd.io/snapshot/parent-chain-id': chain[0],
        },
      },
    ]);
  });

  it('records a reference by digest under that and the id, dropping its tag', async () => {
    registry.addImage('a/b', '1', image);
    const pulled = await bench.pull(ref(`a/b:other@${image.manifest.digest}`));
    expect(pulled.references).toEqual([ref(`a/b@${image.manifest.digest}`)]);
    expect(bench.fake.state.images.size).toBe(2);
    expect(bench.index.find(ref(`a/b:whatever@${image.manifest.digest}`))).toEqual(pulled);
  });

  it('fetches no layer twice, but asks the registry each time', async () => {
    registry.addImage('a/b', '1', image);
    await bench.pull(ref('a/b:1'));
    registry.requests.length = 0;
    await bench.pull(ref('a/b:1'));
    expect(registry.requests.map(({ method, path }) => [method, path])).toEqual([['HEAD', '/v2/a/b/manifests/1']]);
  });

  it('lets a moved tag go from the old image, which stays under its digest', async () => {
    registry.addImage('a/b', '1', image);
    const before = await bench.pull(ref('a/b:1'));
    const newer = testImage(['newer']);
    registry.addImage('a/b', '1', newer);
    const after = await bench.pull(ref('a/b:1'));
    expect(after.references).toEqual([ref('a/b:1'), ref(`a/b@${newer.manifest.digest}`)]);
    expect(bench.index.find(before.id)?.references).toEqual([ref(`a/b@${image.manifest.digest}`)]);
  });

  it('fetches a layer that has been lost since', async () => {
    registry.addImage('a/b', '1', image);
    await bench.pull(ref('a/b:1'));
    bench.fake.state.blobs.delete(image.layers[0]?.digest ?? '');
    await bench.pull(ref('a/b:1'));
    expect(bench.left.blobs).toBe(4);
  });

  it('chooses from an index what is made for this machine, and records the index', async () => {
    const other = testImage(['arm'], { config: { architecture: 'arm64' } });
    const index = testIndex([
      { image: other, platform: { os: 'linux', architecture: 'arm64' } },
      { image, platform: { os: 'linux', architecture: 'amd64' } },
      { image: other, platform: { os: 'unknown', architecture: 'unknown' } },
    ]);
    registry.addImage('a/b', undefined, image);
    registry.addImage('a/b', undefined, other);
    registry.addManifest('a/b', 'multi', index);
    const pulled = await bench.pull(ref('a/b:multi'));
    expect(pulled.id).toBe(image.config.digest);
    expect(pulled.target.digest).toBe(index.digest);
    expect(pulled.references).toEqual([ref('a/b:multi'), ref(`a/b@${index.digest}`)]);
    expect(registry.count('GET', other.manifest.digest)).toBe(0);
    expect(bench.fake.state.blobs.get(index.digest)?.labels).toMatchObject({
      'containerd.io/gc.ref.content.m.0': other.manifest.digest,
      'containerd.io/gc.ref.content.m.1': image.manifest.digest,
    });
  });

  it('looks into the configs of an index that does not say what its manifests are for', async () => {
    const other = testImage(['arm'], { config: { architecture: 'arm64' } });
    registry.addImage('a/b', undefined, image);
    registry.addImage('a/b', undefined, other);
    registry.addManifest('a/b', 'multi', testIndex([{ image: other }, { image }]));
    expect((await bench.pull(ref('a/b:multi'))).id).toBe(image.config.digest);
  });

  it('follows an index in an index', async () => {
    const inner = testIndex([{ image, platform: { os: 'linux', architecture: 'amd64' } }]);
    registry.addImage('a/b', undefined, image);
    registry.addManifest('a/b', undefined, inner);
    registry.addManifest('a/b', 'nested', testIndex([{ image: { ...image, manifest: inner } }]));
    expect((await bench.pull(ref('a/b:nested'))).id).toBe(image.config.digest);
  });

  it('pins what is to be pinned', async () => {
    bench.hosts('registry.k8s.io', `server = "${registry.url}"`);
    registry.addImage('pause', '3.10.1', image);
    const pulled = await bench.pull(SANDBOX_IMAGE);
    expect(pulled.pinned).toBe(true);
    for (const { labels } of bench.fake.state.images.values()) {
      expect(labels).toEqual({ ...MANAGED, 'io.cri-containerd.pinned': 'pinned' });
    }
  });

  it('keeps the labels that others have put on a record', async () => {
    registry.addImage('a/b', '1', image);
    bench.name(ref('a/b:1'), image.manifest, { mine: 'yes' });
    await bench.pull(ref('a/b:1'));
    expect(bench.fake.state.images.get(ref('a/b:1'))?.labels).toEqual({ ...MANAGED, mine: 'yes' });
  });

  it('pulls an image without layers', async () => {
    const empty = testImage([]);
    registry.addImage('a/b', '1', empty);
    expect(await bench.pull(ref('a/b:1'))).toMatchObject({ chainId: '', diffIds: [] });
  });

  it('notes both repositories when a layer comes from two', async () => {
    registry.addImage('a/b', '1', image);
    registry.addImage('c/d', '1', image);
    await bench.pull(ref('a/b:1'));
    await bench.pull(ref('c/d:1'));
    const source = `containerd.io/distribution.source.${registry.host}`;
    for (const { labels } of bench.fake.state.blobs.values()) expect(labels[source]).toBe('a/b,c/d');
  });

  it('unpacks for another snapshotter what is here already', async () => {
    registry.addImage('a/b', '1', image);
    await bench.pull(ref('a/b:1'));
    await bench.pull(ref('a/b:1'), { snapshotter: 'native' });
    expect([...bench.fake.state.snapshots.keys()]).toEqual([
      `overlayfs ${chain[0]}`,
      `overlayfs ${chain[1]}`,
      `native ${chain[0]}`,
      `native ${chain[1]}`,
    ]);
  });
});

describe('pull with discard_unpacked_layers', () => {
  it('lets the layers be collected, and does not fetch them again', async () => {
    bench.puller = bench.makePuller({ discardUnpackedLayers: true });
    registry.addImage('a/b', '1', image);
    await bench.pull(ref('a/b:1'));
    expect([...bench.fake.state.blobs.keys()].sort()).toEqual([image.manifest.digest, image.config.digest].sort());
    registry.requests.length = 0;
    await bench.pull(ref('a/b:1'));
    expect(registry.requests).toHaveLength(1);
    expect(bench.left.snapshots).toBe(2);
  });
});

describe('pull refuses', () => {
  afterEach(() => expect(bench.left).toEqual(NOTHING));

  const other = { architecture: 'arm64' };
  it.each([
    [
      'an image for another machine',
      testImage(['x'], { config: other }),
      'it is made for linux/arm64, and this machine is',
    ],
    [
      'a config that names other layers',
      testImage(['x'], { config: { rootfs: {} } }),
      'has 1 layers, but its config names 0',
    ],
    [
      'an artifact',
      testImage([], { manifest: { config: { ...image.config, data: '', mediaType: 'a/b' } } }),
      'is an artifact',
    ],
    ['an ambiguous manifest', testImage(['x'], { manifest: { manifests: [] } }), 'is ambiguous'],
    ['a manifest of schema 1', testImage(['x'], { manifest: { schemaVersion: 1 } }), 'schema version 1'],
  ])('%s', async (_what, bad, why) => {
    registry.addImage('a/b', '1', bad);
    await expect(bench.pull(ref('a/b:1'))).rejects.toMatchObject({
      kind: 'other',
      message: expect.stringMatching(`^pull "${ref('a/b:1')}": .*${why}`),
    });
  });

  it('an index without an image for this machine, and says what there is', async () => {
    registry.addManifest('a/b', '1', testIndex([{ image, platform: { os: 'linux', architecture: 's390x' } }]));
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow(
      'there is no image for linux/amd64: there are ones for linux/s390x',
    );
  });

  it('a layer that is not what the config says', async () => {
    const lying = testImage(['x'], { config: { rootfs: { type: 'layers', diff_ids: [image.diffIds[0]] } } });
    registry.addImage('a/b', '1', lying);
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow("but the image's config says");
  });

  it('what is not a reference', async () => {
    await expect(bench.pull('Not A Reference')).rejects.toMatchObject({ kind: 'other' });
  });

  it('a reference whose configuration is broken', async () => {
    bench.hosts('broken.example', 'nonsense');
    await expect(bench.pull('broken.example/a:1')).rejects.toThrow('hosts.toml cannot be used');
  });
});
