import { HOSTILE_BLOBS } from './hostile-answers';
import type { OddArtifact } from './odd-artifacts';
import { blob, descriptor, OCI_INDEX, OCI_MANIFEST, type TestBlob, type TestImage, testImage } from './test-image';

/** Artifacts whose author, or whose registry, means harm by their size or by the way in which they are sent. */

function under(repository: string, image: TestImage, becomes: string | RegExp = image.config.digest): OddArtifact {
  return { repository, becomes, serve: ({ odd }) => odd.addImage(repository, '1', image) };
}

/** The same small layer so many times. */
function layered(count: number): TestImage {
  return testImage(Array.from({ length: count }, () => 'the same'));
}

const emptyIndex = (entries: readonly TestBlob[], name: string): TestBlob =>
  blob(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: entries.map(descriptor),
      annotations: { name },
    }),
    OCI_INDEX,
  );
const notAnImage = (at: number): TestBlob =>
  blob(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptor(blob(`${at}`, 'application/vnd.example')),
      layers: [],
    }),
    OCI_MANIFEST,
  );

/** Indexes in an index, with more manifests that are no images than are looked at. */
const nestedIndexes: OddArtifact = {
  repository: 'nested-indexes',
  becomes: /more than 64 indexes and manifests/,
  serve: ({ odd }) => {
    const leaves = Array.from({ length: 32 }, (_, at) => notAnImage(at));
    const inner = ['a', 'b', 'c'].map((name) => emptyIndex(leaves, name));
    for (const each of [...leaves, ...inner]) odd.addManifest('nested-indexes', undefined, each);
    odd.addManifest('nested-indexes', '1', emptyIndex(inner, 'outer'));
  },
};

const many = (count: number): TestImage => {
  const image = testImage(['many']);
  const manifests = Array.from({ length: count }, () => descriptor(image.manifest));
  const index = blob(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), OCI_INDEX);
  return { ...image, manifest: index };
};

export const HOSTILE_ARTIFACTS: readonly OddArtifact[] = [
  under('layers-127', layered(127)),
  under('layers-501', layered(501), /layers of the manifest .* has 501 entries, and at most 500 can be mounted/),
  under('entries-1001', many(1001), /manifests of the manifest .* has more than 1000 entries/),
  nestedIndexes,
  under(
    'deep-config',
    testImage(['x'], { config: { x: JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`) } }),
    /brackets/,
  ),
  under('many-values', testImage(['x'], { config: { x: Array(40_000).fill(1) } }), /has more than 30000 commas/),
  under(
    'long-user',
    testImage(['x'], { config: { config: { User: 'u'.repeat(5000) } } }),
    /config.User of .* more than/,
  ),
  ...Object.entries(HOSTILE_BLOBS).map(
    ([name, oddity]): OddArtifact => ({
      repository: name,
      becomes: new RegExp(`/v2/${name}/blobs/`),
      serve: ({ odd }) => {
        odd.addImage(name, '1', testImage([name]));
        odd.oddities.set(name, oddity);
      },
    }),
  ),
];
