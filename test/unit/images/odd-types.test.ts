import { OCI_INDEX, OCI_MANIFEST } from '../../../src/images/document/media-types';
import type { FakeRegistry, Seen } from '../../support/fake-registry';
import { ImageBench } from '../../support/image-bench';
import { blob, descriptor, type TestImage, testImage, testIndex } from '../../support/test-image';

const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const AMD64 = { os: 'linux', architecture: 'amd64' };

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

const image = testImage(['one']);
const pulled = async (): Promise<string> => (await bench.pull(`${registry.host}/a/b:1`)).id;

/** The registry says `type` in answers to these methods, whatever the document is. */
function declare(type: string, methods: readonly string[], path = /manifests/): void {
  registry.interceptors.push(({ method, path: asked }, response) => {
    if (!methods.includes(method) || !path.test(asked)) return false;
    const writeHead = response.writeHead.bind(response) as (status: number, headers: object) => typeof response;
    response.writeHead = ((status: number, headers: object) =>
      writeHead(status, { ...headers, 'Content-Type': type })) as typeof response.writeHead;
    return false;
  });
}

describe('Media types that mean the same', () => {
  it.each([
    ['HEAD and GET', DOCKER_MANIFEST, ['HEAD', 'GET']],
    ['HEAD alone', DOCKER_MANIFEST, ['HEAD']],
    ['GET alone', DOCKER_MANIFEST, ['GET']],
    ['parameters', `${DOCKER_MANIFEST}; charset=utf-8`, ['HEAD', 'GET']],
    ['nothing of note', 'application/json', ['HEAD', 'GET']],
  ])('are no contradiction on a manifest: %s', async (_how, type, methods) => {
    declare(type, methods);
    registry.addImage('a/b', '1', image);
    expect(await pulled()).toBe(image.config.digest);
  });

  it.each([
    ['of a list', DOCKER_LIST, OCI_INDEX, OCI_MANIFEST],
    ['of the entry', OCI_INDEX, OCI_INDEX, DOCKER_MANIFEST],
    ['of both', DOCKER_LIST, DOCKER_LIST, DOCKER_MANIFEST],
  ])('are no contradiction in an index: those %s', async (_what, declared, own, entry) => {
    registry.addImage('a/b', undefined, image);
    const manifests = [{ mediaType: entry, digest: image.manifest.digest, size: image.manifest.size, platform: AMD64 }];
    registry.addManifest('a/b', '1', testIndex([], { mediaType: own, manifests }));
    declare(declared, ['HEAD', 'GET'], /manifests\/1$/);
    expect(await pulled()).toBe(image.config.digest);
  });

  it('are different ones for a manifest and an index', async () => {
    registry.addImage('a/b', '1', image);
    declare(DOCKER_LIST, ['HEAD', 'GET']);
    await expect(pulled()).rejects.toThrow('calls itself');
  });
});

describe('What others pull as well', () => {
  const VAGUE = ['application/json', '', 'application/octet-stream', 'text/html', 'text/plain; charset=utf-8'];
  const KNOWN = 'application/vnd.docker.container.image.v1+json; charset=utf-8';
  const withConfig = (mediaType: string | undefined, data = image.config.data): TestImage => {
    const config = { ...blob(data, ''), mediaType: mediaType ?? '' };
    const entry = { ...descriptor(config), mediaType };
    return { ...testImage(['one'], { manifest: { config: entry } }), config };
  };

  it.each([...VAGUE, KNOWN, undefined])('is an image whose config is of the type %j', async (type) => {
    registry.addImage('a/b', '1', withConfig(type));
    expect(await pulled()).toBe(image.config.digest);
  });

  it('is such an image in an index, beside an artifact with such a config', async () => {
    const artifact = withConfig('application/json', Buffer.from('{"a":1}'));
    const fine = withConfig('');
    for (const each of [artifact, fine]) registry.addImage('a/b', undefined, each);
    registry.addManifest('a/b', '1', testIndex([artifact, fine].map((each) => ({ image: each, platform: AMD64 }))));
    expect(await pulled()).toBe(image.config.digest);
  });

  it.each([
    ['{"a":1}', 'has 1 layers, but its config names 0'],
    ['plain', 'is not JSON'],
  ])('is not an artifact whose config says nothing: %s', async (config, why) => {
    registry.addImage('a/b', '1', withConfig('application/json', Buffer.from(config)));
    await expect(pulled()).rejects.toThrow(why);
  });

  it.each([undefined, null, 0])('is a manifest of schema version %s, its type being known', async (schemaVersion) => {
    registry.addImage('a/b', '1', testImage(['one'], { manifest: { schemaVersion } }));
    expect(await pulled()).toBe(image.config.digest);
  });
});

describe('A registry that does not answer all requests for manifests', () => {
  const refuse = (status: number, refuses: (seen: Seen) => boolean): void => {
    registry.interceptors.push((seen, response) => {
      if (!seen.path.includes('/manifests/') || !refuses(seen)) return false;
      response.writeHead(status, { 'Content-Type': 'application/json' }).end('{"errors":[{"code":"NO"}]}');
      return true;
    });
  };
  const byDigest = ({ path }: Seen): boolean => path.includes('sha256:');

  it.each([404, 400, 403, 405])('serves them by tag only, by digest %s: the tag is asked for', async (status) => {
    registry.addImage('a/b', '1', image);
    refuse(status, byDigest);
    expect(await pulled()).toBe(image.config.digest);
  });

  it('serves another by the tag meanwhile: it is refused', async () => {
    const newer = testImage(['newer']);
    registry.addImage('a/b', '1', image);
    refuse(404, (seen) => {
      if (byDigest(seen)) registry.addImage('a/b', '1', newer);
      return byDigest(seen);
    });
    await expect(pulled()).rejects.toThrow(`${image.manifest.digest} answered 404 (NO): not found`);
    expect(bench.index.list()).toEqual([]);
  });

  it('sends other bytes by the digest: the tag is no way round that', async () => {
    registry.addImage('a/b', '1', image);
    const other = testImage(['other']);
    registry.interceptors.push((seen, response) => {
      if (!byDigest(seen) || !seen.path.includes('/manifests/')) return false;
      response.writeHead(200, { 'Content-Type': OCI_MANIFEST }).end(other.manifest.data);
      return true;
    });
    await expect(pulled()).rejects.toThrow(`does not have the digest ${image.manifest.digest}`);
  });

  it('has not the manifest that an index names: the tag is not asked for', async () => {
    registry.addImage('a/b', undefined, image);
    registry.addManifest('a/b', '1', testIndex([{ image, platform: AMD64 }]));
    refuse(404, ({ path }) => path.endsWith(image.manifest.digest));
    await expect(pulled()).rejects.toThrow('answered 404 (NO): not found');
    expect(registry.count('GET', '/manifests/1')).toBe(0);
  });

  it.each([404, 403, 405, 501])('answers %s to HEAD: GET is asked', async (status) => {
    registry.addImage('a/b', '1', image);
    refuse(status, ({ method }) => method === 'HEAD');
    expect(await pulled()).toBe(image.config.digest);
  });

  it('has no such tag: its words are told', async () => {
    refuse(404, () => true);
    await expect(pulled()).rejects.toThrow('/manifests/1 answered 404 (NO): not found');
  });
});
