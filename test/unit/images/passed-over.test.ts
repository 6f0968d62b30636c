import type { FakeRegistry } from '../../support/fake-registry';
import { ImageBench } from '../../support/image-bench';
import {
  blob,
  descriptor,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
  type TestBlob,
  testImage,
} from '../../support/test-image';

const AMD64 = { os: 'linux', architecture: 'amd64' };
const OTHER = 'application/vnd.example.thing.v1+json';
const EMPTY = blob('{}', 'application/vnd.oci.empty.v1+json');

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

/** Puts an index under a tag; manifests with a body can be had. */
function index(entries: readonly { manifest: TestBlob; more?: object; absent?: boolean }[]): void {
  registry.addImage('a/b', undefined, image);
  for (const { manifest, absent } of entries) if (!absent) registry.addManifest('a/b', undefined, manifest);
  const manifests = entries.map(({ manifest, more }) => ({ ...descriptor(manifest), ...more }));
  registry.addManifest(
    'a/b',
    '1',
    blob(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), OCI_INDEX),
  );
}
const pulled = async (): Promise<string> => (await bench.pull(`${registry.host}/a/b:1`)).id;

/** A manifest that is no image. */
function artifact(document: object, blobs: readonly TestBlob[] = [EMPTY]): TestBlob {
  for (const each of blobs) registry.addBlob(each);
  const [config = EMPTY, ...layers] = blobs;
  const body = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor(config),
    layers: layers.map(descriptor),
  };
  return blob(JSON.stringify({ ...body, ...document }), OCI_MANIFEST);
}

const signature = blob('signature', 'application/vnd.dev.cosign.simplesigning.v1+json');
const bare = (rootfs: object): TestBlob => blob(JSON.stringify({ rootfs }), OCI_CONFIG);
const unknown = blob('{"a":1}', OTHER);

describe('Entries of an index that are no images', () => {
  it.each<[string, () => { manifest: TestBlob; more?: object; absent?: boolean }]>([
    ['a media type that is not known', () => ({ manifest: unknown, more: { platform: AMD64 }, absent: true })],
    ['a media type that is not known, and is there', () => ({ manifest: unknown, more: { platform: AMD64 } })],
    ['a layer', () => ({ manifest: blob('x', 'application/vnd.oci.image.layer.v1.tar'), absent: true })],
    [
      'schema 1',
      () => ({ manifest: blob('{}', 'application/vnd.docker.distribution.manifest.v1+json'), absent: true }),
    ],
    [
      'a type that says nothing',
      () => ({ manifest: blob('<p>', 'text/html'), more: { platform: AMD64 }, absent: true }),
    ],
    ['no type at all', () => ({ manifest: blob('[]', ''), more: { platform: AMD64 } })],
    ['an artifact', () => ({ manifest: artifact({}) })],
    ['an artifact for this platform', () => ({ manifest: artifact({}), more: { platform: AMD64 } })],
    ['an artifact by its type', () => ({ manifest: artifact({ artifactType: OTHER }, [bare({})]) })],
    [
      'an artifact by its entry',
      () => ({ manifest: artifact({}), more: { artifactType: OTHER, platform: AMD64 }, absent: true }),
    ],
    [
      'layers that are no filesystem',
      () => ({ manifest: artifact({}, [bare({ diff_ids: [signature.digest] }), signature]) }),
    ],
    ['a config that names no layers', () => ({ manifest: artifact({}, [bare({}), image.layers[0] ?? EMPTY]) })],
    ['a config that is none', () => ({ manifest: artifact({}, [blob('[]', OCI_CONFIG)]) })],
  ])('are passed over: %s', async (_what, entry) => {
    const odd = entry();
    index([odd, { manifest: image.manifest, more: odd.more && 'platform' in odd.more ? { platform: AMD64 } : {} }]);
    expect(await pulled()).toBe(image.config.digest);
    expect([...bench.fake.state.blobs.keys()]).not.toContain(odd.absent ? odd.manifest.digest : EMPTY.digest);
  });

  it('are passed over however many there are', async () => {
    const odd = Array.from({ length: 40 }, (_, at) => ({ manifest: blob(`${at}`, OTHER), absent: true }));
    const artifacts = Array.from({ length: 12 }, (_, at) => ({ manifest: artifact({ annotations: { at: `${at}` } }) }));
    index([...odd, ...artifacts, { manifest: image.manifest }]);
    expect(await pulled()).toBe(image.config.digest);
  });

  it('may turn out to be images where their type says nothing, and then the best is chosen', async () => {
    const worse = testImage(['386'], { config: { architecture: '386' } });
    registry.addImage('a/b', undefined, worse);
    index([
      { manifest: worse.manifest, more: { platform: { os: 'linux', architecture: '386' } } },
      { manifest: image.manifest, more: { platform: AMD64, mediaType: '' } },
    ]);
    expect(await pulled()).toBe(image.config.digest);
  });

  it('are named when there is no image beside them', async () => {
    index([{ manifest: unknown, more: { platform: AMD64 } }, { manifest: artifact({}) }]);
    await expect(pulled()).rejects.toThrow(
      new RegExp(
        `there is no image for linux/amd64: .*"${OTHER.replaceAll('+', '\\+')}".*is an artifact, not an image`,
      ),
    );
  });

  it('are refused when the name itself points at one', async () => {
    registry.addManifest('a/b', '1', artifact({}));
    await expect(pulled()).rejects.toThrow('is an artifact, not an image: its config is of the type');
  });

  it('do not make another image stand in for one that is broken', async () => {
    const broken = artifact({}, [bare({}), image.layers[0] ?? EMPTY]);
    index([
      { manifest: broken, more: { platform: AMD64 } },
      { manifest: image.manifest, more: { platform: { os: 'linux', architecture: '386' } } },
    ]);
    await expect(pulled()).rejects.toThrow('has 1 layers, but its config names 0');
  });
});
