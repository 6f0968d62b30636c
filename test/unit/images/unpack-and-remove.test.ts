import { chainIds } from '../../../src/images/document/digest';
import { parseDocument } from '../../../src/images/document/manifests';
import { removeImage } from '../../../src/images/store/remove-image';
import { childLabels } from '../../../src/images/unpack/content-labels';
import { ensureUnpacked } from '../../../src/images/unpack/ensure-unpacked';
import type { ListedImage } from '../../../src/model/image';
import { ImageBench, NOTHING } from '../../support/image-bench';
import { type TestImage, testImage, testIndex } from '../../support/test-image';

let bench: ImageBench;

beforeEach(async () => {
  bench = await ImageBench.start();
});
afterEach(async () => {
  expect(bench.fake.leftovers()).toEqual({});
  await bench.stop();
});

const image = testImage(['one', 'two']);
const chain = chainIds(image.diffIds);
const { signal } = new AbortController();

/** Content as an import leaves it, labelled so that the collector follows it. */
function store(which: TestImage): void {
  const document = parseDocument(which.manifest.data, '', 'it');
  bench.store(which.manifest, childLabels(document, { withLayers: true }));
  for (const blob of [which.config, ...which.layers]) bench.store(blob);
}

/** An image as `kind load` leaves it: content and a name, no snapshots. */
async function loaded(name: string, which: TestImage = image): Promise<ListedImage> {
  store(which);
  bench.name(name, which.manifest);
  await bench.index.resync();
  const found = bench.index.find(name);
  if (!found) throw new Error('the image is not listed');
  return found;
}

const unpack = (which: ListedImage, more: { lease?: string; signal?: AbortSignal } = {}): Promise<void> =>
  ensureUnpacked(bench, which, { snapshotter: 'overlayfs', signal, ...more });
const snapshots = (): string[] => [...bench.fake.state.snapshots.keys()];
const applied = (): number => bench.fake.calls.filter((call) => call.endsWith('Diff/Apply')).length;

describe('ensureUnpacked', () => {
  it('unpacks what was imported without it, so that the collector leaves it', async () => {
    const found = await loaded('docker.io/library/a:1');
    await unpack(found);
    expect(snapshots()).toEqual(chain.map((id) => `overlayfs ${id}`));
    expect(bench.fake.state.blobs.get(image.config.digest)?.labels).toEqual({
      'containerd.io/gc.ref.snapshot.overlayfs': chain[1],
    });
    expect(image.layers.map(({ digest }) => bench.fake.state.blobs.get(digest)?.labels)).toEqual(
      image.diffIds.map((diffId) => ({ 'containerd.io/uncompressed': diffId })),
    );
  });

  it('does nothing for an image that is unpacked, or has no layers', async () => {
    const found = await loaded('docker.io/library/a:1');
    await unpack(found);
    bench.fake.calls.length = 0;
    await unpack(found);
    await unpack(await loaded('docker.io/library/empty:1', testImage([])));
    expect(bench.fake.calls.filter((call) => /Leases|Prepare|Apply/.test(call))).toEqual([]);
  });

  it('unpacks only the layers that lack a snapshot', async () => {
    await unpack(await loaded('docker.io/library/base:1', testImage(['one'])));
    await unpack(await loaded('docker.io/library/a:1'));
    expect(applied()).toBe(2);
  });

  it('unpacks once when asked twice at the same time', async () => {
    const found = await loaded('docker.io/library/a:1');
    await Promise.all([unpack(found), unpack(found)]);
    expect(snapshots()).toEqual(chain.map((id) => `overlayfs ${id}`));
  });

  it('chooses from an index the image it was asked for', async () => {
    const other = testImage(['arm'], { config: { architecture: 'arm64' } });
    const index = testIndex([
      { image: other, platform: { os: 'linux', architecture: 'arm64' } },
      { image, platform: { os: 'linux', architecture: 'amd64' } },
    ]);
    store(image);
    bench.store(index, childLabels(parseDocument(index.data, '', 'it'), { withLayers: true }));
    bench.name('docker.io/library/a:1', index);
    await bench.index.resync();
    await unpack(bench.index.list()[0] as ListedImage);
    expect(snapshots()).toHaveLength(2);
  });

  it('unpacks an image whose config does not say what it is for', async () => {
    await unpack(await loaded('docker.io/library/a:1', testImage(['x'], { config: { os: '', architecture: '' } })));
    expect(snapshots()).toHaveLength(1);
  });

  it('keeps what it makes under the lease that is given', async () => {
    const found = await loaded('docker.io/library/a:1');
    await bench.containerd.leases.create({ id: 'mine' });
    await unpack(found, { lease: 'mine' });
    const held = await bench.containerd.leases.listResources('mine');
    expect(held).toEqual(expect.arrayContaining(chain.map((id) => ({ id, type: 'snapshots/overlayfs' }))));
    expect(bench.fake.calls.filter((call) => call.endsWith('Leases/Create'))).toHaveLength(1);
    await bench.containerd.leases.delete('mine');
  });

  it('says which layer is missing, and what to do', async () => {
    const found = await loaded('docker.io/library/a:1');
    bench.fake.state.blobs.delete(image.layers[1]?.digest ?? '');
    await expect(unpack(found)).rejects.toMatchObject({
      kind: 'other',
      message: expect.stringMatching(
        `docker.io/library/a:1 is not unpacked .* its layer ${image.layers[1]?.digest} is not in the content store: pull it again`,
      ),
    });
  });

  it.each(['Leases/Create', 'Snapshots/Prepare', 'Diff/Apply', 'Snapshots/Commit'])(
    'leaves nothing half-made when %s fails, and succeeds the next time',
    async (method) => {
      const found = await loaded('docker.io/library/a:1');
      bench.fake.fail(method, { code: 13, message: 'made to fail' });
      await expect(unpack(found)).rejects.toThrow('made to fail');
      expect(bench.fake.leftovers()).toEqual({});
      await unpack(found);
      expect(snapshots()).toHaveLength(2);
    },
  );

  it('stops when its caller has gone', async () => {
    const found = await loaded('docker.io/library/a:1');
    bench.fake.fail('Diff/Apply', { hang: true });
    const controller = new AbortController();
    const outcome = unpack(found, { signal: controller.signal });
    const gone = new Error('gone');
    setImmediate(() => controller.abort(gone));
    await expect(outcome).rejects.toBe(gone);
  });
});

describe('removeImage', () => {
  const remove = (which: ListedImage): Promise<void> => removeImage(bench, which, { signal });

  it('takes every name away, and what only they led to', async () => {
    const found = await loaded('docker.io/library/a:1');
    await loaded('docker.io/library/a:2');
    await loaded('example.com/b:1');
    await unpack(found);
    await remove(found);
    expect(bench.index.list()).toEqual([]);
    expect(bench.left).toEqual(NOTHING);
  });

  it('leaves another image and what they share', async () => {
    const base = testImage(['one']);
    const found = await loaded('docker.io/library/a:1');
    const other = await loaded('docker.io/library/base:1', base);
    await unpack(found);
    await unpack(other);
    await remove(found);
    expect(bench.index.list().map(({ id }) => id)).toEqual([base.config.digest]);
    expect(snapshots()).toEqual([`overlayfs ${chain[0]}`]);
  });

  it('leaves a name alone that points elsewhere by now', async () => {
    const found = await loaded('docker.io/library/a:1');
    const newer = testImage(['newer']);
    store(newer);
    bench.name('docker.io/library/a:1', newer.manifest, { 'io.cri-containerd.image': 'managed' });
    await remove(found);
    expect(bench.index.list().map(({ id, references }) => [id, references])).toEqual([
      [newer.config.digest, ['docker.io/library/a:1']],
    ]);
  });

  it('is content when the names are gone, and when it is asked twice at once', async () => {
    const found = await loaded('docker.io/library/a:1');
    await Promise.all([remove(found), remove(found)]);
    await remove(found);
    expect(bench.fake.state.images.size).toBe(0);
  });

  it('waits for the collector with the last name only', async () => {
    const found = await loaded('docker.io/library/a:1');
    const names = bench.index.namesOf(found.id).map(({ name }) => name);
    expect(names).toEqual(['docker.io/library/a:1', found.id]);
    await remove(found);
    expect(bench.fake.calls.filter((call) => call.endsWith('Images/Delete'))).toHaveLength(2);
  });
});
