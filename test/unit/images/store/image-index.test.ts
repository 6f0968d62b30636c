import { ContainerdError } from '../../../../src/containerd/errors';
import { Code } from '../../../../src/rpc/code';
import { ImageBench, SANDBOX_IMAGE } from '../../../support/image-bench';
import { type TestImage, testImage, testIndex } from '../../../support/test-image';

let bench: ImageBench;

beforeEach(async () => {
  bench = await ImageBench.start();
});
afterEach(() => bench.stop());

const one = testImage(['one']);
const two = testImage(['two']);
const MANAGED = { 'io.cri-containerd.image': 'managed' };
const PINNED = { 'io.cri-containerd.pinned': 'pinned' };

/** An image as `ctr images import --no-unpack` leaves it. */
function imported(name: string, image: TestImage, labels: Record<string, string> = {}): void {
  for (const blob of [image.manifest, image.config, ...image.layers]) bench.store(blob);
  bench.name(name, image.manifest, labels);
}

/** More than are read at once. */
const NAMES = Array.from({ length: 12 }, (_, i) => `docker.io/library/a:${i + 10}`);

const labelsOf = (name: string): unknown => bench.fake.state.images.get(name)?.labels;
const listed = (): unknown => bench.index.list().map(({ references }) => references);

describe('ImageIndex', () => {
  it('takes over what others have imported, and names it by its id too', async () => {
    imported('docker.io/library/a:1', one, { theirs: 'x' });
    await bench.index.resync();
    expect(listed()).toEqual([['docker.io/library/a:1']]);
    expect(labelsOf('docker.io/library/a:1')).toEqual({ ...MANAGED, theirs: 'x' });
    expect(labelsOf(one.config.digest)).toEqual(MANAGED);
    expect(bench.fake.state.images.get(one.config.digest)?.target?.digest).toBe(one.manifest.digest);
  });

  it('keeps the pin that others have given, and gives the sandbox image one', async () => {
    imported('docker.io/library/a:1', one, PINNED);
    imported(SANDBOX_IMAGE, two);
    await bench.index.resync();
    expect(bench.index.find('a:1')?.pinned).toBe(true);
    expect(labelsOf('docker.io/library/a:1')).toEqual({ ...MANAGED, ...PINNED });
    expect(bench.index.find(SANDBOX_IMAGE)?.pinned).toBe(true);
    expect(labelsOf(SANDBOX_IMAGE)).toEqual({ ...MANAGED, ...PINNED });
  });

  it('writes nothing for a record that is ours already', async () => {
    imported('docker.io/library/a:1', one, MANAGED);
    await bench.index.refresh('docker.io/library/a:1');
    expect(bench.fake.calls.filter((call) => /Images\/(Create|Update)$/.test(call))).toEqual([]);
  });

  it('follows a record that is made, moved and deleted', async () => {
    imported('docker.io/library/a:1', one);
    await bench.index.refresh('docker.io/library/a:1');
    expect(bench.index.find('a:1')?.id).toBe(one.config.digest);
    imported('docker.io/library/a:1', two);
    await bench.index.refresh('docker.io/library/a:1');
    expect(bench.index.find('a:1')?.id).toBe(two.config.digest);
    expect(bench.index.find(one.config.digest)?.references).toEqual([]);
    bench.fake.state.images.delete('docker.io/library/a:1');
    await bench.index.refresh('docker.io/library/a:1');
    expect(bench.index.find('a:1')).toBeUndefined();
    expect(bench.index.find(two.config.digest)?.references).toEqual([]);
  });

  it('reads an image once for all of its names', async () => {
    for (const name of NAMES) imported(name, one, MANAGED);
    await bench.index.resync();
    expect(listed()).toEqual([NAMES]);
    expect(bench.fake.calls.filter((call) => call.endsWith('Content/Read'))).toHaveLength(2);
  });

  it('tells an image with all of its names, also when a document of it could not be read for one of them', async () => {
    const seen = new Set<number>();
    for (let nth = 1; nth <= 6; nth++) {
      await bench.stop();
      bench = await ImageBench.start();
      for (const name of NAMES) imported(name, one, MANAGED);
      bench.fake.fail('Content/Read', { nth, code: Code.NOT_FOUND, message: 'no such blob' });
      await bench.index.resync();
      const [image] = bench.index.list();
      seen.add(image?.references.length ?? 0);
      await bench.index.resync();
      expect(listed()).toEqual([NAMES]);
    }
    expect([...seen]).toEqual([NAMES.length]);
  });

  it('forgets at a resync what is gone', async () => {
    imported('docker.io/library/a:1', one);
    await bench.index.resync();
    bench.fake.state.images.clear();
    await bench.index.resync();
    expect(bench.index.list()).toEqual([]);
  });

  it('does not let a listing undo what was learned while it was read', async () => {
    imported('docker.io/library/a:1', one, MANAGED);
    const reading = bench.index.resync();
    bench.index.learn(
      ['docker.io/library/a:1'],
      { target: { mediaType: 'm', digest: two.manifest.digest, size: 1n }, pinned: false },
      { ...(await factsOf(two)) },
    );
    await reading;
    expect(bench.index.find('a:1')?.id).toBe(two.config.digest);
  });

  it.each([
    ['without a manifest', () => bench.name('docker.io/library/bad:1', two.manifest)],
    [
      'without a config',
      () => {
        bench.store(two.manifest);
        bench.name('docker.io/library/bad:1', two.manifest);
      },
    ],
    [
      'that is no manifest',
      () => {
        bench.store(two.config);
        bench.name('docker.io/library/bad:1', two.config);
      },
    ],
    [
      'for other machines',
      () => {
        const index = testIndex([{ image: two, platform: { os: 'linux', architecture: 's390x' } }]);
        bench.store(index);
        bench.name('docker.io/library/bad:1', index);
      },
    ],
  ])('leaves out a record %s, and lists the others', async (_what, make) => {
    imported('docker.io/library/a:1', one);
    make();
    await bench.index.resync();
    expect(listed()).toEqual([['docker.io/library/a:1']]);
  });

  it('lists an index of which only the manifest for this machine is there', async () => {
    const index = testIndex([
      { image: two, platform: { os: 'linux', architecture: 'arm64' } },
      { image: one, platform: { os: 'linux', architecture: 'amd64' } },
    ]);
    for (const blob of [index, one.manifest, one.config]) bench.store(blob);
    bench.name('docker.io/library/a:1', index);
    await bench.index.resync();
    expect(bench.index.find('a:1')).toMatchObject({ id: one.config.digest, target: { digest: index.digest } });
  });

  it('lists an image for another machine that somebody has brought here', async () => {
    imported('docker.io/library/a:1', testImage(['arm'], { config: { architecture: 'arm64' } }));
    await bench.index.resync();
    expect(bench.index.find('a:1')?.platform.architecture).toBe('arm64');
  });

  it.each(['resync', 'refresh'] as const)('forgets nothing when containerd is away during a %s', async (how) => {
    imported('docker.io/library/a:1', one);
    await bench.index.resync();
    for (const method of ['Images/List', 'Images/Get']) bench.fake.fail(method, { nth: 'always', code: 14 });
    const outcome = how === 'resync' ? bench.index.resync() : bench.index.refresh('docker.io/library/a:1');
    await expect(outcome).rejects.toBeInstanceOf(ContainerdError);
    expect(listed()).toEqual([['docker.io/library/a:1']]);
  });

  it('forgets nothing when containerd fails while an image is read', async () => {
    imported('docker.io/library/a:1', one);
    await bench.index.resync();
    imported('docker.io/library/a:1', two);
    bench.fake.fail('Content/Read', { code: 14 });
    await expect(bench.index.refresh('docker.io/library/a:1')).rejects.toMatchObject({ code: 14 });
    expect(bench.index.find('a:1')?.id).toBe(one.config.digest);
  });

  it('lists what it could not label, and labels it the next time', async () => {
    imported('docker.io/library/a:1', one);
    bench.fake.fail('Images/Update', { code: 13 });
    await bench.index.resync();
    expect(listed()).toEqual([['docker.io/library/a:1']]);
    await bench.index.refresh('docker.io/library/a:1');
    expect(labelsOf('docker.io/library/a:1')).toEqual(MANAGED);
  });
});

describe('ImageIndex.find', () => {
  const tag = 'docker.io/library/a:1';

  beforeEach(async () => {
    imported(tag, one);
    imported('import-2026@oddly-named', two);
    await bench.index.resync();
  });

  const id = one.config.digest;
  it.each([
    ['the id', id],
    ['the id without its algorithm', id.slice(7)],
    ['the beginning of the id', id.slice(0, 15)],
    ['the same without its algorithm', id.slice(7, 20)],
    ['the full name', tag],
    ['a short name', 'a:1'],
  ])('finds an image by %s', (_what, wanted) => {
    expect(bench.index.find(wanted)?.id).toBe(id);
  });

  it('finds a name that is no reference, as it is', () => {
    expect(bench.index.find('import-2026@oddly-named')?.id).toBe(two.config.digest);
  });

  it.each(['', 'sha256:', 'a', 'a:2', 'b:1', `sha256:${'0'.repeat(64)}`, 'sha256:xyz', 'A:1', '..'])(
    'finds nothing by %j',
    (wanted) => {
      const unambiguous = one.config.digest.startsWith(`sha256:${wanted}`) && wanted !== '';
      if (!unambiguous) expect(bench.index.find(wanted)).toBeUndefined();
    },
  );

  it('takes no beginning that two ids have', async () => {
    const beginning = (image: TestImage): string => image.config.digest.slice(7, 8);
    let third = testImage(['3']);
    for (let at = 4; beginning(third) !== beginning(one); at++) third = testImage([`${at}`]);
    expect(bench.index.find(id.slice(0, 8 + 12))).toBeDefined();
    imported('docker.io/library/c:1', third);
    await bench.index.resync();
    expect(bench.index.find(beginning(one))).toBeUndefined();
  });
});

describe('an image of the index', () => {
  it('cannot be changed by whoever has it', async () => {
    imported('docker.io/library/a:1', one);
    await bench.index.resync();
    const [listed] = bench.index.list();
    if (!listed) throw new Error('the image is not listed');
    const image = await bench.index.withConfig(listed);
    expect(() => image.config.env.push('EVIL=1')).toThrow(TypeError);
    expect(() => Object.assign(image, { pinned: true })).toThrow(TypeError);
    expect(() => Object.assign(listed, { pinned: true })).toThrow(TypeError);
    (await bench.index.configDocument(listed.id)).fill(0);
    expect(await bench.index.configDocument(listed.id)).toEqual(one.config.data);
    expect((await bench.index.withConfig(listed)).config.env).toEqual(['PATH=/bin']);
  });
});

async function factsOf(image: TestImage) {
  const other = await ImageBench.start();
  try {
    for (const blob of [image.manifest, image.config]) other.store(blob);
    other.name('docker.io/library/x:1', image.manifest);
    await other.index.resync();
    const { references: _references, pinned: _pinned, target: _target, ...facts } = other.index.list()[0] ?? {};
    return facts as Parameters<typeof other.index.learn>[2];
  } finally {
    await other.stop();
  }
}
