import type { FakeRegistry } from '../../support/fake-registry';
import { ImageBench, NOTHING } from '../../support/image-bench';
import { descriptor, testImage } from '../../support/test-image';
import { NO_RANGES, ODD_BLOBS } from '../../support/transport-oddities';

let bench: ImageBench;
let registry: FakeRegistry;
let mirror: FakeRegistry;

const image = testImage(['one', Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919) % 251))]);
const blobs = [image.config, ...image.layers];
const messageOf = async (pull: Promise<unknown>): Promise<string> => {
  const [{ reason }] = (await Promise.allSettled([pull])) as [PromiseRejectedResult];
  return String(reason?.message);
};

/** Ways in which a blob is fetched. */
const WAYS: [string, number][] = [
  ['in one piece', 0],
  ['in parts (concurrent_layer_fetch_buffer)', 64],
];

beforeEach(async () => {
  bench = await ImageBench.start();
  [registry, mirror] = [await bench.registry(), await bench.registry()];
  bench.hosts('registry.test', `server = "${registry.url}"\n[host."${mirror.url}"]`);
  for (const [name, oddity] of Object.entries({ ...ODD_BLOBS, ...NO_RANGES })) {
    mirror.oddities.set(name, oddity);
    for (const at of [registry, mirror]) at.addImage(name, '1', image);
  }
});
afterEach(async () => {
  expect(bench.fake.leftovers()).toEqual({});
  await bench.stop();
});

const isComplete = (): void => {
  for (const { digest, data } of blobs) expect(bench.fake.state.blobs.get(digest)?.data).toEqual(data);
};

describe.each(WAYS)('A mirror that answers blobs with something else, fetched %s', (_way, layerPartBytes) => {
  beforeEach(() => {
    bench.puller = bench.makePuller({ layerPartBytes });
  });

  it.each(Object.keys(ODD_BLOBS))('%s: the next host is asked', async (repository) => {
    expect((await bench.pull(`registry.test/${repository}:1`)).id).toBe(image.config.digest);
    isComplete();
    expect(mirror.requests.length).toBeLessThan(20);
  });

  it.each(Object.keys(ODD_BLOBS))('%s: the error names each host and what was wrong with it', async (repository) => {
    registry.oddities.set(repository, (asked, response) => {
      if (asked.kind !== 'blobs') return false;
      response.writeHead(404).end();
      return true;
    });
    const message = await messageOf(bench.pull(`registry.test/${repository}:1`));
    const at = (host: FakeRegistry): string => `${host.url}/v2/${repository}/blobs/`;
    expect(message).toMatch(new RegExp(`${at(mirror)}.*${at(registry)}.*answered 404`));
    expect(message).toMatch(/mirror|answered 2|answered 304|answered 410|the connection broke/);
    expect(bench.left).toEqual(NOTHING);
    expect(mirror.requests.length).toBeLessThan(30);
  });

  it.each(Object.keys(ODD_BLOBS))('%s: a lonely host is named too, and not asked for ever', async (repository) => {
    const message = await messageOf(bench.pull(`${mirror.host}/${repository}:1`));
    expect(message).toContain(`${mirror.url}/v2/${repository}/blobs/`);
    expect(message).toMatch(/answered (200|206) with (text\/html|application\/octet-stream)|answered (204|304|410)/);
    expect(mirror.requests.length).toBeLessThan(30);
    expect(bench.left).toEqual(NOTHING);
  });
});

describe.each(WAYS)('A registry that sends no part of a blob, fetched %s', (_way, layerPartBytes) => {
  beforeEach(() => {
    bench.puller = bench.makePuller({ layerPartBytes });
  });

  it.each(Object.keys(NO_RANGES))('%s: the blob is begun anew', async (repository) => {
    expect((await bench.pull(`${mirror.host}/${repository}:1`)).id).toBe(image.config.digest);
    isComplete();
    expect(mirror.requests.length).toBeLessThan(60);
  });

  it.each(Object.keys(NO_RANGES))('%s: and so it is with other hosts behind it', async (repository) => {
    await bench.pull(`registry.test/${repository}:1`);
    isComplete();
  });
});

describe('A host that has sent something else instead of a blob', () => {
  it('is asked last for the blobs that follow', async () => {
    await bench.pull('registry.test/other-bytes:1');
    const asked = mirror.requests.filter(({ path }) => path.includes('/blobs/'));
    expect(asked.map(({ path }) => path.split('/').at(-1))).toEqual([image.config.digest]);
  });

  it('leaves the rest of a big layer to the next host, from where it broke off', async () => {
    await bench.pull('registry.test/closed-half-way:1');
    const ranges = registry.requests.map(({ headers }) => headers.range).filter((range) => range !== undefined);
    expect(ranges.length).toBeGreaterThan(0);
  });

  it('is passed over where it is one of the addresses of a foreign layer', async () => {
    const [layer] = image.layers;
    if (!layer) throw new Error('no layer');
    const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
    const good = await bench.registry();
    good.addBlob(layer);
    const urls = ['other-bytes', 'html', 'no-bytes', 'closed-half-way'].map(
      (name) => `${mirror.url}/v2/${name}/blobs/${layer.digest}`,
    );
    urls.push(`${good.url}/v2/x/blobs/${layer.digest}`);
    registry.addImage(
      'f',
      '1',
      testImage(['one'], { manifest: { layers: [{ ...descriptor(layer), mediaType, urls }] } }),
    );
    registry.removeBlob(layer);
    await bench.pull(`${registry.host}/f:1`);
    expect(bench.fake.state.blobs.get(layer.digest)?.data).toEqual(layer.data);
  });

  it('does not keep a pull from being given up', async () => {
    bench.puller = bench.makePuller({ retry: { attempts: 3, firstMs: 60_000, maxMs: 60_000 } });
    const leaving = new AbortController();
    mirror.interceptors.push(({ path }) => {
      if (path.includes('/blobs/')) setTimeout(() => leaving.abort(new Error('kubelet has gone')), 20);
      return false;
    });
    const pull = bench.pull(`${mirror.host}/no-bytes:1`, { signal: leaving.signal });
    await expect(pull).rejects.toThrow('kubelet has gone');
    expect(bench.left).toEqual(NOTHING);
  });
});
