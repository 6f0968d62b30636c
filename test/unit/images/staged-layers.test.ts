import { chainIds } from '../../../src/images/document/digest';
import { parseDocument } from '../../../src/images/document/manifests';
import { childLabels } from '../../../src/images/unpack/content-labels';
import { ensureUnpacked } from '../../../src/images/unpack/ensure-unpacked';
import { isStaged } from '../../../src/images/unpack/unpack';
import type { FakeRegistry } from '../../support/fake-registry';
import { ImageBench } from '../../support/image-bench';
import { type TestImage, testImage } from '../../support/test-image';

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

const image = testImage(['one', 'two', 'three']);
const chain = chainIds(image.diffIds);
const stage = (...diffIds: (string | undefined)[]): void => {
  for (const diffId of diffIds) bench.fake.world.stagedLayers.add(diffId ?? '');
};
const snapshots = (): string[] => [...bench.fake.state.snapshots.keys()];
const applied = (): number => bench.fake.calls.filter((call) => call.endsWith('Diff/Apply')).length;
const fetched = (which: TestImage): number[] => which.layers.map(({ digest }) => registry.count('GET', digest));

describe.each([
  ['with snapshot annotations', false],
  ['without snapshot annotations', true],
])('pull %s', (_what, disableSnapshotAnnotations) => {
  beforeEach(() => {
    bench.puller = bench.makePuller({ disableSnapshotAnnotations });
    registry.addImage('a/b', '1', image);
  });

  it('commits layers that the snapshotter has, and does not fetch them', async () => {
    stage(...image.diffIds);
    const pulled = await bench.pull(`${registry.host}/a/b:1`);
    expect(pulled.chainId).toBe(chain[2]);
    expect(snapshots()).toEqual(chain.map((id) => `overlayfs ${id}`));
    expect([fetched(image), applied()]).toEqual([[0, 0, 0], 0]);
    expect(bench.fake.state.blobs.get(image.config.digest)?.labels).toMatchObject({
      'containerd.io/gc.ref.snapshot.overlayfs': chain[2],
    });
  });

  it('fetches and applies the others', async () => {
    stage(image.diffIds[0]);
    await bench.pull(`${registry.host}/a/b:1`);
    expect(snapshots()).toEqual(chain.map((id) => `overlayfs ${id}`));
    expect([fetched(image), applied()]).toEqual([[0, 1, 1], 2]);
  });

  it('says of no content that it was unpacked when it was not', async () => {
    stage(image.diffIds[2]); // it is fetched beside the ones below it
    await bench.pull(`${registry.host}/a/b:1`);
    const labels = image.layers.map(({ digest }) => bench.fake.state.blobs.get(digest)?.labels ?? {});
    expect(labels.map((each) => each['containerd.io/uncompressed'])).toEqual([...image.diffIds.slice(0, 2), undefined]);
  });

  it('leaves nothing when a staged layer cannot be committed', async () => {
    stage(...image.diffIds);
    bench.fake.fail('Snapshots/Commit', { code: 13, message: 'made to fail' });
    await expect(bench.pull(`${registry.host}/a/b:1`)).rejects.toThrow('made to fail');
    expect(snapshots()).toEqual([]);
  });
});

it('unpacks an image whose layers the snapshotter has, though their content is not here', async () => {
  const document = parseDocument(image.manifest.data, '', 'it');
  bench.store(image.manifest, childLabels(document, { withLayers: true }));
  bench.store(image.config);
  bench.name('docker.io/library/a:1', image.manifest);
  await bench.index.resync();
  const found = bench.index.find('docker.io/library/a:1');
  if (!found) throw new Error('the image is not listed');
  stage(...image.diffIds);
  await ensureUnpacked(bench, found, { snapshotter: 'overlayfs', signal: new AbortController().signal });
  expect(snapshots()).toEqual(chain.map((id) => `overlayfs ${id}`));
});

describe('a layer is staged', () => {
  const mount = (type: string, ...options: string[]) => ({ type, source: '/s', target: '', options });
  it.each([
    ['an EROFS image', [mount('erofs', 'loop')], true],
    ['one that a mount manager formats', [mount('mkdir/erofs')], true],
    ['a bind mount that is read-only', [mount('bind', 'ro', 'rbind')], true],
    ['an overlay without a place to write', [mount('overlay', 'lowerdir=/a:/b')], true],
    ['a bind mount to write to', [mount('bind', 'rw', 'rbind')], false],
    ['an overlay to write to', [mount('format/mkdir/overlay', 'lowerdir=/a', 'upperdir=/b', 'workdir=/c')], false],
    ['a block device', [mount('ext4')], false],
    ['an overlay to write to on an EROFS image', [mount('erofs'), mount('overlay', 'upperdir=/b')], false],
    ['nothing', [], false],
  ])('in %s: %#', (_what, mounts, staged) => {
    expect(isStaged({ key: 'extract', mounts })).toBe(staged);
  });
});
