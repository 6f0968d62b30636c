import type { FakeRegistry, Interceptor } from '../../support/fake-registry';
import { ImageBench } from '../../support/image-bench';
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
const _ref = (rest: string): string => `${registry.host}/${rest}`;
const isBlob: (path: string) => boolean = (path) => path.includes('/blobs/');
const _sentCredentials = (to: FakeRegistry): string[] =>
  to.requests.flatMap(({ headers, body }) => [headers.authorization ?? '', body].filter((text) => text !== ''));

/** Redirects blobs elsewhere. */
const _redirectBlobs =
  (to: string): Interceptor =>
  ({ path }, response) => {
    if (!isBlob(path)) return false;
    response.writeHead(307, { Location: `${to}${path}?X-Signature=s3cret` }).end();
    return true;
  };

describe('pull through mirrors', () => {
  it('asks them in order, telling whose content is meant, and the registry last', async () => {
    const [first, second] = [await bench.registry(), await bench.registry()];
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."${first.url}"]\n[host."${second.url}"]`);
    second.addManifest('a/b', '1', image.manifest);
    registry.addImage('a/b', '1', image);
    await bench.pull('registry.test/a/b:1');
    for (const mirror of [first, second]) {
      expect(new Set(mirror.requests.map(({ query }) => query.get('ns')))).toEqual(new Set(['registry.test']));
    }
    expect([first, second, registry].map((at) => at.count('HEAD', '/manifests/1'))).toEqual([1, 1, 0]);
    expect([first, second, registry].map((at) => at.count('GET', image.config.digest))).toEqual([1, 1, 1]);
    expect(bench.index.list()).toHaveLength(1);
  });

  it('passes over what a host is not there for', async () => {
    const mirror = await bench.registry();
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."${mirror.url}"]\ncapabilities = ["pull"]`);
    mirror.addImage('a/b', '1', image);
    registry.addImage('a/b', '1', image);
    await bench.pull('registry.test/a/b:1');
    expect(mirror.requests.every(({ method }) => method === 'GET')).toBe(true);
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('uses the path that the file says is complete', async () => {
    bench.hosts('registry.test', `server = "${registry.url}/v2/proxy"`);
    bench.hosts('other.test', `server = "${registry.url}/v2/proxy"\noverride_path = true`);
    registry.addImage('proxy/a/b', '1', image);
    await bench.pull('other.test/a/b:1');
    await expect(bench.pull('registry.test/a/b:1')).rejects.toThrow('/v2/proxy/v2/a/b/manifests/1');
  });

  it('goes on when one is down, and tells of all when all fail', async () => {
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."http://127.0.0.1:1"]`);
    await expect(bench.pull('registry.test/a/b:1')).rejects.toMatchObject({
      kind: 'other',
      message: expect.stringMatching(/127\.0\.0\.1:1.*ECONNREFUSED.*; .*answered 404/),
    });
    registry.addImage('a/b', '1', image);
    await bench.pull('registry.test/a/b:1');
  });

  it('says that no host may be asked', async () => {
    bench.hosts('registry.test', `server = "${registry.url}"\ncapabilities = ["push"]`);
    await expect(bench.pull('registry.test/a/b:1')).rejects.toThrow('no host is configured');
  });
});
