import { chainIds } from '../../../src/images/document/digest';
import type { FakeRegistry, Seen } from '../../support/fake-registry';
import { ImageBench, NOTHING } from '../../support/image-bench';
import { testImage } from '../../support/test-image';

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
const ref = (rest: string): string => `${registry.host}/${rest}`;
const layer0 = image.layers[0] ?? image.config;

/** Holds answers back until `open` is called; `held` resolves when the first request is waiting. */
function gate(matches: (seen: Seen) => boolean): { held: Promise<void>; open: () => void; waiting: () => number } {
  let open: () => void = () => undefined;
  let arrived: () => void = () => undefined;
  let waiting = 0;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const held = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  registry.interceptors.push(async (seen) => {
    if (!matches(seen)) return false;
    waiting++;
    arrived();
    await opened;
    waiting--;
    return false;
  });
  return { held, open, waiting: () => waiting };
}

describe('pulls at the same time', () => {
  it('are one when they are equal', async () => {
    registry.addImage('a/b', '1', image);
    const pulls = await Promise.all([bench.pull(ref('a/b:1')), bench.pull(ref('a/b:1'))]);
    expect(pulls[0]).toBe(pulls[1]);
    expect(registry.count('HEAD', '/manifests/1')).toBe(1);
  });

  it('are not one when their credentials differ', async () => {
    registry.addImage('a/b', '1', image);
    await Promise.all([bench.pull(ref('a/b:1')), bench.pull(ref('a/b:1'), { auth: { username: 'u', password: 'p' } })]);
    expect(registry.count('HEAD', '/manifests/1')).toBe(2);
    expect(registry.count('GET', layer0.digest)).toBe(1);
  });

  it('fetch and unpack a layer once that both have', async () => {
    const other = testImage(['one', 'three']);
    registry.addImage('a/b', '1', image);
    registry.addImage('c/d', '1', other);
    await Promise.all([bench.pull(ref('a/b:1')), bench.pull(ref('c/d:1'))]);
    expect(registry.count('GET', layer0.digest)).toBe(1);
    expect(bench.fake.calls.filter((call) => call.endsWith('Diff/Apply'))).toHaveLength(3);
    expect(bench.left.snapshots).toBe(3);
  });

  it('fetch no more layers at once than they may, each image by itself', async () => {
    bench.puller = bench.makePuller({ maxConcurrentDownloads: 2 });
    const images = ['a', 'b'].map((name) => testImage([`${name}0`, `${name}1`, `${name}2`]));
    for (const [at, each] of images.entries()) registry.addImage('a/b', `${at}`, each);
    const digests = new Set(images.flatMap(({ layers }) => layers.map(({ digest }) => digest)));
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    let most = 0;
    let now = 0;
    registry.interceptors.push(async ({ path }) => {
      if (!digests.has(path.split('/').at(-1) ?? '')) return false;
      most = Math.max(most, ++now);
      // Two of each image are on their way: now they may go on.
      if (now === 4) open();
      await opened;
      now--;
      return false;
    });
    await Promise.all([bench.pull(ref('a/b:0')), bench.pull(ref('a/b:1'))]);
    expect(most).toBe(4);
  });

  it('take a layer over when the pull that fetched it is given up', async () => {
    const other = testImage(['one', 'three']);
    registry.addImage('a/b', '1', image);
    registry.addImage('c/d', '1', other);
    const { held, open } = gate(({ path }) => path.endsWith(layer0.digest));
    const controller = new AbortController();
    const first = bench.pull(ref('a/b:1'), { signal: controller.signal });
    await held;
    const second = bench.pull(ref('c/d:1'));
    const gone = new Error('gone');
    controller.abort(gone);
    await expect(first).rejects.toBe(gone);
    open();
    expect((await second).id).toBe(other.config.digest);
    expect(bench.index.list()).toHaveLength(1);
  });
});

describe('a pull that is given up', () => {
  it('stops at once and leaves nothing', async () => {
    registry.addImage('a/b', '1', image);
    const { held, open } = gate(({ path }) => path.endsWith(layer0.digest));
    const controller = new AbortController();
    const pull = bench.pull(ref('a/b:1'), { signal: controller.signal });
    await held;
    const gone = new Error('gone');
    controller.abort(gone);
    await expect(pull).rejects.toBe(gone);
    open();
    expect(bench.left).toEqual(NOTHING);
    expect(bench.fake.leftovers()).toEqual({});
  });

  it('does not begin when its signal has fired', async () => {
    const gone = new Error('gone');
    await expect(bench.pull(ref('a/b:1'), { signal: AbortSignal.abort(gone) })).rejects.toBe(gone);
    expect(registry.requests).toEqual([]);
  });

  it('goes on for the others who wait for it', async () => {
    registry.addImage('a/b', '1', image);
    const { held, open } = gate(({ path }) => path.endsWith(layer0.digest));
    const controller = new AbortController();
    const first = bench.pull(ref('a/b:1'), { signal: controller.signal });
    const second = bench.pull(ref('a/b:1'));
    await held;
    controller.abort(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    open();
    expect((await second).id).toBe(image.config.digest);
    expect(registry.count('HEAD', '/manifests/1')).toBe(1);
  });

  it('leaves the queue of those that wait for their turn to download', async () => {
    bench.puller = bench.makePuller({ maxConcurrentDownloads: 1 });
    registry.addImage('a/b', '1', testImage(['slow']));
    registry.addImage('a/b', '2', image);
    const slow = testImage(['slow']).layers[0]?.digest ?? '';
    const { held, open } = gate(({ path }) => path.endsWith(slow));
    const first = bench.pull(ref('a/b:1'));
    await held;
    const controller = new AbortController();
    const second = bench.pull(ref('a/b:2'), { signal: controller.signal });
    controller.abort(new Error('gone'));
    await expect(second).rejects.toThrow('gone');
    open();
    await first;
  });
});

describe('a pull beside another client of containerd', () => {
  it('waits for a blob that the other is writing', async () => {
    registry.addImage('a/b', '1', image);
    const { content } = bench.containerd;
    const ref0 = `layer-${layer0.digest}`;
    const other = await content.openWrite({ ref: ref0, total: BigInt(layer0.size), expected: layer0.digest });
    const pull = bench.pull(ref('a/b:1'));
    await other.write(layer0.data);
    await other.commit({ size: BigInt(layer0.size), expected: layer0.digest });
    await other.close();
    expect((await pull).id).toBe(image.config.digest);
    expect(registry.count('GET', layer0.digest)).toBe(0);
  });

  it('goes on where the other has left off', async () => {
    registry.addImage('a/b', '1', image);
    const ref0 = `layer-${layer0.digest}`;
    const other = await bench.containerd.content.openWrite({ ref: ref0, total: BigInt(layer0.size) });
    await other.write(layer0.data.subarray(0, 30));
    expect((await bench.containerd.content.status(ref0))?.offset).toBe(30n);
    await other.close();
    await bench.pull(ref('a/b:1'));
    const [request] = registry.requests.filter(({ path }) => path.endsWith(layer0.digest));
    expect(request?.headers.range).toBe('bytes=30-');
  });

  it('refuses what the other has left when it is something else', async () => {
    registry.addImage('a/b', '1', image);
    const ref0 = `layer-${layer0.digest}`;
    const other = await bench.containerd.content.openWrite({ ref: ref0, total: BigInt(layer0.size) });
    await other.write(Buffer.alloc(30));
    expect((await bench.containerd.content.status(ref0))?.offset).toBe(30n);
    await other.close();
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow(`the blob ${layer0.digest} is not what it should be`);
    await bench.pull(ref('a/b:1')); // and begins anew the next time
  });

  it('is content with a snapshot that the other has made meanwhile', async () => {
    registry.addImage('a/b', '1', image);
    await bench.pull(ref('a/b:1'));
    for (let nth = 1; nth <= 4; nth++) bench.fake.fail('Snapshots/Stat', { nth, code: 5 });
    await bench.pull(ref('a/b:1'));
    expect([...bench.fake.state.snapshots.keys()]).toEqual(chainIds(image.diffIds).map((id) => `overlayfs ${id}`));
  });
});

describe('a pull while containerd fails', () => {
  const METHODS = ['Leases/Create', 'Leases/AddResource', 'Content/Info', 'Content/Write', 'Content/Update'].concat([
    'Snapshots/Stat',
    'Snapshots/Prepare',
    'Diff/Apply',
    'Snapshots/Commit',
    'Images/Get',
    'Images/Create',
  ]);

  it.each(METHODS)('leaves nothing when a call of %s fails, whichever', async (method) => {
    registry.addImage('a/b', '1', image);
    for (let nth = 1; nth <= 30; nth++) {
      bench.fake.heal();
      bench.fake.fail(method, { nth, code: 13, message: `call ${nth}` });
      const outcome = await bench.pull(ref('a/b:1')).catch((error: unknown) => error);
      if (!(outcome instanceof Error)) return; // there is no such call any more
      expect(outcome.message).toContain(`call ${nth}`);
      expect([nth, bench.left, bench.fake.leftovers()]).toEqual([nth, NOTHING, {}]);
    }
    throw new Error('the calls do not end');
  });

  it('says that containerd is away when it is', async () => {
    registry.addImage('a/b', '1', image);
    bench.fake.fail('Content/Write', { nth: 'always', code: 14, message: 'down' });
    bench.fake.fail('Content/Status', { nth: 'always', code: 14, message: 'down' });
    await expect(bench.pull(ref('a/b:1'))).rejects.toMatchObject({ code: 14 });
  });

  it('does not wait for ever for a writer that does not exist', async () => {
    registry.addImage('a/b', '1', image);
    bench.fake.fail('Content/Write', { nth: 'always', code: 14, message: 'down' });
    await expect(bench.pull(ref('a/b:1'))).rejects.toMatchObject({ code: 14 });
  });

  it('names the layer and its type when it cannot be unpacked', async () => {
    registry.addImage('a/b', '1', image);
    bench.fake.fail('Diff/Apply', { code: 12, message: 'no processor' });
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow(
      `the layer ${layer0.digest} of the type "${layer0.mediaType}" cannot be unpacked: no processor`,
    );
  });
});
