import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { stringifyJson } from '../../../src/base/json/json';
import { chooseImage } from '../../../src/images/document/choose-image';
import { chainIds, isDigest, isSha256 } from '../../../src/images/document/digest';
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES } from '../../../src/images/document/document-limits';
import { imageSpecJson, parseImageConfig } from '../../../src/images/document/image-config';
import { parseDocument } from '../../../src/images/document/manifests';
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/images/document/media-types';
import { candidates } from '../../../src/images/document/platform';
import { isImageId, parseReference, tryParseReference } from '../../../src/images/document/reference';
import { PullError } from '../../../src/images/errors';
import { redactText } from '../../../src/images/redact';
import { failureOf } from '../../../src/images/registry/answer';
import { parseChallenges } from '../../../src/images/registry/auth-challenge';
import { BlobSource, RangesIgnored } from '../../../src/images/registry/blob-source';
import { credentialsFor } from '../../../src/images/registry/credentials';
import { parseHostsToml } from '../../../src/images/registry/hosts-toml';
import type { HttpResponse } from '../../../src/images/registry/http-body';
import { Progress } from '../../../src/images/registry/progress';
import { imageFacts } from '../../../src/images/store/local-image';
import { latin } from '../input';
import { COMMON_TOKENS, either, JSON_TOKENS, type Target } from '../target';

const HOST = { os: 'linux', architecture: 'amd64', variant: '' };
const DIGEST = `sha256:${'a'.repeat(64)}`;
const DIFF_ID = `sha256:${'b'.repeat(64)}`;
const LAYER = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: DIGEST, size: 10 };

const CONFIG = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  config: {
    ...{ User: 'web', Env: ['PATH=/bin'], Entrypoint: ['/a'], Cmd: ['b'], WorkingDir: '/', Labels: { a: 'b' } },
    ...{ Volumes: { '/data': {} }, StopSignal: 'SIGTERM', ExposedPorts: { '80/tcp': {} } },
  },
  rootfs: { type: 'layers', diff_ids: [DIFF_ID] },
  history: [{ created_by: 'x', empty_layer: true }],
});
const MANIFEST = JSON.stringify({
  ...{ schemaVersion: 2, mediaType: OCI_MANIFEST, annotations: { a: 'b' } },
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(CONFIG), size: CONFIG.length },
  layers: [{ ...LAYER, urls: ['https://example.org/x'], annotations: { c: 'd' } }],
});
const INDEX = JSON.stringify({
  ...{ schemaVersion: 2, mediaType: OCI_INDEX },
  manifests: [
    { mediaType: OCI_MANIFEST, digest: digestOf(MANIFEST), size: MANIFEST.length, platform: HOST },
    { mediaType: OCI_MANIFEST, digest: DIGEST, size: 5, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    { mediaType: 'application/json', digest: DIGEST, size: 5, artifactType: 'application/x' },
  ],
});

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

const DOCUMENTS: readonly string[] = [
  ...COMMON_TOKENS,
  ...JSON_TOKENS,
  `"${DIGEST}",`,
  JSON.stringify(LAYER),
  `${JSON.stringify(LAYER)},`,
];

const manifests: Target = {
  name: 'images/manifests',
  mibMs: 80,
  seeds: [MANIFEST, INDEX],
  tokens: DOCUMENTS,
  most: MAX_MANIFEST_BYTES,
  refuses: either(PullError),
  read(bytes) {
    const document = parseDocument(bytes, '', 'a document');
    if (document.kind === 'index') candidates(document.manifests, HOST);
  },
};

const configs: Target = {
  name: 'images/configs',
  mibMs: 250,
  seeds: [CONFIG, '{"rootfs":{}}'],
  tokens: [...COMMON_TOKENS, ...JSON_TOKENS, `"${DIFF_ID}",`, '"/a":{},', '"A=b",'],
  most: MAX_CONFIG_BYTES,
  refuses: either(PullError),
  read(bytes) {
    const { diffIds } = parseImageConfig(bytes, 'the config');
    chainIds(diffIds.slice(0, 100));
    stringifyJson(imageSpecJson(bytes)); // a config that is taken can be shown
  },
};

/** An image of which everything but one document is good. */
const choice: Target = {
  name: 'images/choice',
  mibMs: 100,
  seeds: [INDEX, MANIFEST],
  tokens: DOCUMENTS,
  most: MAX_MANIFEST_BYTES,
  refuses: either(PullError),
  async read(bytes) {
    const first = { mediaType: '', digest: DIFF_ID, size: BigInt(bytes.length) };
    const source = {
      manifest: async ({ digest }: { digest: string }) =>
        digest === DIFF_ID ? bytes : digest === digestOf(MANIFEST) ? Buffer.from(MANIFEST) : undefined,
      config: async () => Buffer.from(CONFIG),
    };
    imageFacts(await chooseImage(first, { source, platform: HOST, anyPlatform: false }));
  },
};

const references: Target = {
  name: 'images/references',
  seeds: [`registry.k8s.io:5000/a/b_c:1.2@${DIGEST}`, 'busybox', '[::1]:5000/x', `localhost/a@${DIGEST}`, DIGEST],
  tokens: [...COMMON_TOKENS, '__', '--', 'a.b', ']', '[', 'A', DIGEST],
  refuses: either(PullError),
  read(bytes) {
    const text = bytes.toString('utf8');
    isImageId(text);
    isDigest(text);
    isSha256(text);
    const found = tryParseReference(text);
    const again = parseReference(text);
    if (found === undefined || parseReference(again.toString()).toString() !== again.toString())
      throw new Error('it is read differently the second time');
  },
};

const challenges: Target = {
  name: 'images/challenges',
  seeds: [
    'Bearer realm="https://auth.example.org/token",service="registry",scope="repository:a:pull"',
    'Basic realm="x", Bearer a=b',
  ],
  tokens: [...COMMON_TOKENS, 'Bearer ', 'realm="', '\\"', ', ', '=,', 'a=b,', 'a '],
  read: (bytes) => parseChallenges(bytes.toString('latin1')),
};

const redaction: Target = {
  name: 'images/redaction',
  seeds: ['GET https://user:secret@example.org/a?token=x failed: bearer abc', 'password="x" basic Zm9v token: "y"'],
  tokens: [...COMMON_TOKENS, '://', 'http://', 'bearer ', 'token=', 'password" : "', '):,;.'],
  read: (bytes) => redactText(bytes.toString('utf8')),
};

const errors: Target = {
  name: 'images/error-answers',
  seeds: ['{"errors":[{"code":"DENIED","message":"no \\u00e4","detail":{"a":1}}]}', '{"errors":null}', '<html>'],
  tokens: [...COMMON_TOKENS, ...JSON_TOKENS, '{"code":"x"},'],
  async read(bytes) {
    const message = (await failureOf(answer(404, { 'content-type': 'application/json' }, bytes), 'the pull')).message;
    if (message.length > 8192) throw new Error('it says too much');
  },
};

const ranges: Target = {
  name: 'images/content-ranges',
  seeds: ['bytes 5-9/10', 'bytes 5-9/*', 'bytes=5-'],
  tokens: [...COMMON_TOKENS, 'bytes ', '-', '/', '5', '10'],
  most: 16 << 10, // what Node takes of headers
  refuses: either(PullError, RangesIgnored),
  async read(bytes) {
    const text = bytes.toString('latin1');
    using progress = new Progress(new AbortController().signal, 0);
    const source = new BlobSource({
      ...{ name: 'a', descriptor: { mediaType: '', digest: DIGEST, size: 10n }, progress, sendsParts: true },
      ask: async () =>
        answer(206, { 'content-range': text, 'content-length': text, 'content-type': text }, Buffer.from('12345')),
      distrust: () => undefined,
    });
    const { offset, length } = await source.open(5n, false);
    if (offset !== 5n || (length !== undefined && length < 0n)) throw new Error('it begins elsewhere');
    await source.part({ from: 5n, to: 10n }, false, new AbortController().signal);
  },
};

const HOSTS = `server = "https://example.org"
[host."https://mirror.example.org:5000/v2"]
  capabilities = ["pull", "resolve"]
  ca = ["a.crt"]
  client = [["a.crt", "a.key"]]
  skip_verify = true
  dial_timeout = "1m30s"
  [host."https://mirror.example.org:5000/v2".header]
    x-a = ["b"]
`;

const hostsToml: Target = {
  name: 'images/hosts-toml',
  mibMs: 1000,
  seeds: [HOSTS, '[host]', 'a = 1979-05-27T07:32:00Z\nb = [1, { c = 0x10 }]'],
  tokens: [
    ...COMMON_TOKENS,
    '[',
    ']',
    '{',
    '}',
    '[[a]]',
    '[a.b]',
    "'''",
    '"""',
    'a = ',
    'a.',
    '{a=',
    '[host."',
    '1979-05-27',
  ],
  refuses: either(PullError),
  read: (bytes) =>
    parseHostsToml(
      bytes.toString('utf8'),
      { dir: '/d', name: '/d/hosts.toml', read: async (path) => path },
      'example.org',
    ),
};

const credentials: Target = {
  name: 'images/credentials',
  seeds: [Buffer.from('user:password').toString('base64'), 'user\nhttps://example.org/v1/', 'dXNlcg==\nexample.org:80'],
  tokens: [...COMMON_TOKENS, 'AAAA', '=', 'http://', '[::'],
  refuses: either(PullError),
  read(bytes) {
    const [auth = '', serverAddress = ''] = bytes.toString('utf8').split('\n', 2);
    credentialsFor({ auth, serverAddress }, { host: 'example.org', domain: 'example.org' });
  },
};

function answer(status: number, headers: Record<string, string>, body: Buffer): HttpResponse {
  const stream = Object.assign(Readable.from([body], { objectMode: false }), { headers });
  return {
    ...{ status, headers, url: new URL('https://example.org/v2/'), foreign: false },
    body: stream as unknown as HttpResponse['body'],
  };
}

export const IMAGES: readonly Target[] = [
  ...[manifests, configs, choice, references, challenges, redaction, errors, ranges, hostsToml, credentials],
].map((target) => ({ ...target, seeds: target.seeds.map((seed) => latin(seed)) }));
