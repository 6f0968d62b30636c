import { FakeRegistry, type Oddity } from './fake-registry';
import { HOSTILE_BLOBS } from './hostile-answers';
import { HOSTILE_ARTIFACTS } from './hostile-artifacts';
import {
  blob,
  descriptor,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
  type TestBlob,
  type TestImage,
  testImage,
  testIndex,
} from './test-image';
import { NO_RANGES, ODD_BLOBS, ODD_MANIFESTS, ODD_REFUSALS } from './transport-oddities';

const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const AMD64 = { os: 'linux', architecture: 'amd64' };

/** The registries that odd artifacts come from. */
export interface OddSite {
  /** Serves each artifact below the repository that has its name. */
  readonly odd: FakeRegistry;
  /** Has every artifact of `MIRRORED` as it should be: who asks `odd` first asks here next. */
  readonly healthy: FakeRegistry;
  /** Has the blobs that `odd` redirects to, for whoever shows one of its own tokens. */
  readonly storage: FakeRegistry;
}

/** An artifact that is odd in itself, or is served in an odd way, and what becomes of it however it enters. */
export interface OddArtifact {
  readonly repository: string;
  /** The digest of the image that is there afterwards, or what the error says. */
  readonly becomes: string | RegExp;
  serve(site: OddSite): void;
}

/** Names under which a hosts.toml leads to the site: `odd` alone, and `odd` before `healthy`. */
export const ODD_DOMAIN = 'odd.test';
export const MIRRORED_DOMAIN = 'mirrored.test';

/** The hosts.toml of each domain. */
export function hostsOf({ odd, healthy }: OddSite): Readonly<Record<string, string>> {
  return {
    [ODD_DOMAIN]: `server = "${odd.url}"\n`,
    [MIRRORED_DOMAIN]: `server = "${healthy.url}"\n[host."${odd.url}"]\n`,
  };
}

/** Starts the registries with all artifacts in them. */
export async function startOddSite(): Promise<OddSite & { stop(): Promise<void> }> {
  const [odd, healthy, storage] = await Promise.all([1, 2, 3].map(() => FakeRegistry.start()));
  if (!odd || !healthy || !storage) throw new Error('a registry is missing');
  storage.auth = { kind: 'token' };
  const site = { odd, healthy, storage };
  for (const each of [...ODD_ARTIFACTS, ...MIRRORED]) each.serve(site);
  return { ...site, stop: async () => void (await Promise.all([odd, healthy, storage].map((each) => each.stop()))) };
}

/** An image that `odd` has under the tag `1`, as `how` makes or serves it. */
function served(
  repository: string,
  how: { image?: TestImage; oddity?: Oddity; becomes?: RegExp; more?: (site: OddSite, image: TestImage) => void },
): OddArtifact {
  const image = how.image ?? testImage([repository]);
  return {
    repository,
    becomes: how.becomes ?? image.config.digest,
    serve: (site) => {
      site.odd.addImage(repository, '1', image);
      if (how.oddity) site.odd.oddities.set(repository, how.oddity);
      how.more?.(site, image);
    },
  };
}

/** An index that `odd` has under the tag `1`, with these entries around that of an ordinary image. */
function indexed(repository: string, before: readonly object[], blobs: readonly TestBlob[] = []): OddArtifact {
  const image = testImage([repository]);
  return {
    repository,
    becomes: image.config.digest,
    serve: ({ odd }) => {
      odd.addImage(repository, undefined, image);
      for (const each of blobs) odd.addBlob(each);
      const entry = { ...descriptor(image.manifest), platform: AMD64 };
      odd.addManifest(repository, '1', testIndex([], { manifests: [...before, entry] }));
    },
  };
}

/** Says another media type of a manifest than its own. */
const declaredAs =
  (mediaType: string): Oddity =>
  ({ kind, method, data }, response) => {
    if (kind !== 'manifests') return false;
    response.writeHead(200, { 'Content-Type': mediaType, 'Content-Length': data.length });
    response.end(method === 'HEAD' ? undefined : data);
    return true;
  };

/** Answers this to the first requests for each path. */
const atFirst =
  (status: number, times: number): Oddity =>
  ({ nth }, response) => {
    if (nth > times) return false;
    response.writeHead(status, { 'Content-Type': 'text/html' }).end('<html>');
    return true;
  };

/** Serves manifests by their tag alone. */
const byTagOnly: Oddity = ({ kind, name }, response) => {
  if (kind !== 'manifests' || !name.startsWith('sha256:')) return false;
  response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"errors":[]}');
  return true;
};

/** Leads to the storage, with this status. */
function redirected(status: number): OddArtifact {
  const repository = `redirected-${status}`;
  return served(repository, {
    oddity: ({ kind, path }, response) => {
      if (kind !== 'blobs') return false;
      response.writeHead(status, { Location: `http://${STORAGE_OF.get(path.split('/')[2] ?? '')}${path}` }).end();
      return true;
    },
    more: ({ storage }, image) => {
      STORAGE_OF.set(repository, storage.host);
      storage.addImage(repository, '1', image);
    },
  });
}
/** By repository: where its blobs are. */
const STORAGE_OF = new Map<string, string>();

/** The image's config with another media type in its manifest. */
function withConfigType(repository: string, mediaType: string): OddArtifact {
  const { config } = testImage([repository]);
  const document = { config: { ...descriptor(config), mediaType } };
  return served(repository, { image: testImage([repository], { manifest: document }) });
}

const lowerCase = { config: undefined, CONFIG: { user: '1000', env: ['A=1'], cmd: ['sh'], workingdir: '/tmp' } };
const artifact = blob(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: 'application/vnd.example',
    config: descriptor(blob('{}', 'application/vnd.oci.empty.v1+json')),
    layers: [],
  }),
  OCI_MANIFEST,
);

/** Artifacts that `odd` alone has. */
export const ODD_ARTIFACTS: readonly OddArtifact[] = [
  ...HOSTILE_ARTIFACTS,
  ...[301, 302, 303, 307, 308].map(redirected),
  served('keys-of-another-case', { image: testImage(['case'], { config: lowerCase }) }),
  ...[DOCKER_MANIFEST, `${DOCKER_MANIFEST}; charset=utf-8`, 'application/json'].map((type, at) =>
    served(`declared-${at}`, { oddity: declaredAs(type) }),
  ),
  served('declared-an-index', { oddity: declaredAs(OCI_INDEX), becomes: /calls itself/ }),
  ...['application/json', '', 'text/html'].map((type, at) => withConfigType(`config-type-${at}`, type)),
  served('for-this-cpu', { image: testImage(['cpu'], { config: { variant: 'v2' } }) }), // every amd64 CPU of today has it
  ...Object.entries(NO_RANGES)
    .filter(([name]) => /-(404|416|501)$|^all-of-it$/.test(name))
    .map(([name, oddity]) => served(name, { oddity })),
  indexed('first-entry-unknown', [
    { ...descriptor(blob('{}', 'application/vnd.example.thing.v1+json')), platform: AMD64 },
  ]),
  indexed('first-entry-a-layer', [descriptor(blob('x', 'application/vnd.oci.image.layer.v1.tar'))]),
  ...[408, 429, 500, 502, 503, 504].map((status) => served(`at-first-${status}`, { oddity: atFirst(status, 1) })),
  served('by-tag-only', { oddity: byTagOnly }),
  ...Object.entries(ODD_MANIFESTS).map(([name, oddity]) => served(name, { oddity, becomes: /answered 200 with/ })),
  ...Object.entries(ODD_REFUSALS).map(([name, oddity]) => served(name, { oddity, becomes: /answered \d+ with text/ })),
  {
    repository: 'an-artifact',
    becomes: /is an artifact, not an image/,
    serve: ({ odd }) => odd.addManifest('an-artifact', '1', artifact),
  },
  {
    repository: 'a-config-that-is-none',
    becomes: /config/,
    serve: ({ odd }) => {
      const config = blob('[]', OCI_CONFIG);
      odd.addImage('a-config-that-is-none', '1', {
        ...testImage(['none'], { manifest: { config: descriptor(config) } }),
        config,
      });
    },
  },
];

/** Artifacts that `healthy` has as they should be, and `odd`, which is asked first, serves otherwise. */
export const MIRRORED: readonly OddArtifact[] = Object.entries({
  ...ODD_BLOBS,
  ...HOSTILE_BLOBS,
  ...ODD_MANIFESTS,
  ...ODD_REFUSALS,
}).map(([name, oddity]) => {
  const repository = `mirrored/${name}`;
  const image = testImage([repository]);
  return {
    repository,
    becomes: image.config.digest,
    serve: ({ odd, healthy }) => {
      for (const each of [odd, healthy]) each.addImage(repository, '1', image);
      odd.oddities.set(repository, oddity);
    },
  };
});
