import {
  MAX_CONFIG_BYTES,
  MAX_INDEX_ENTRIES,
  MAX_JSON_DEPTH,
  MAX_JSON_MARKS,
  MAX_LAYER_URLS,
  MAX_LAYERS,
  MAX_MANIFEST_BYTES,
  MAX_MEDIA_TYPE,
  MAX_NAME,
  MAX_PATH,
  MAX_SNAPSHOT_ANNOTATIONS,
} from '../../../../src/images/document/document-limits';
import { parseImageConfig } from '../../../../src/images/document/image-config';
import { parseDocument } from '../../../../src/images/document/manifests';
import { redactText } from '../../../../src/images/redact';
import { parseChallenges } from '../../../../src/images/registry/auth-challenge';
import { snapshotLabels } from '../../../../src/images/unpack/snapshot-labels';
import { heldFor } from '../../../support/held-for';
import { MOST_HELD_MS } from '../../../support/least-ms';
import { OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../support/test-image';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const entry = (more: object = {}): object => ({ mediaType: OCI_LAYER, digest: DIGEST, size: 1, ...more });
const manifest = (more: object): Buffer =>
  json({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: entry(), layers: [], ...more });
const index = (entries: number): Buffer =>
  json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: Array.from({ length: entries }, () => entry()) });
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const asManifest = (data: Buffer): unknown => parseDocument(data, OCI_MANIFEST, 'it');
const asIndex = (data: Buffer): unknown => parseDocument(data, OCI_INDEX, 'it');
const asConfig = (data: Buffer): unknown => parseImageConfig(data, 'it');
/** A config with so many commas, colons and brackets. */
const marked = (marks: number): Buffer => Buffer.from(`{"x":[${'1,'.repeat(marks - 3)}1]}`);
const annotated = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`containerd.io/snapshot/x${at}`, 'y']));
const labelled = (count: number): unknown => {
  const descriptor = { mediaType: OCI_LAYER, digest: DIGEST, size: 1n, annotations: annotated(count) };
  const hints = { reference: 'a', manifestDigest: DIGEST, layers: [{ descriptor, urls: [] }] };
  return snapshotLabels({ diffId: DIGEST, chainId: DIGEST, parent: '' }, hints, 0);
};

/** What an image's author sizes: a limit, what is read with so much of it, and what the error of one more says. */
const LIMITS: [string, number, (much: number) => unknown, RegExp][] = [
  ['entries of an index', MAX_INDEX_ENTRIES, (much) => asIndex(index(much)), /manifests of it has more than 1000/],
  ['marks of a document', MAX_JSON_MARKS, (much) => asConfig(marked(much)), /it has more than 30000 commas/],
  [
    'depth of a document',
    MAX_JSON_DEPTH,
    (much) => asConfig(Buffer.from(`{"x":${nested(much - 1)}}`)),
    /it has brackets within brackets, more than 100/,
  ],
  [
    'addresses of a layer',
    MAX_LAYER_URLS,
    (much) => asManifest(manifest({ layers: [entry({ urls: Array.from({ length: much }, () => 'http://a/') })] })),
    /urls of a layer of it has more than 16/,
  ],
  [
    'characters of a media type',
    MAX_MEDIA_TYPE,
    (much) => asManifest(manifest({ config: entry({ mediaType: 'x'.repeat(much) }) })),
    /mediaType of config of it has more than 255/,
  ],
  [
    'bytes of a manifest',
    MAX_MANIFEST_BYTES,
    (much) => asManifest(Buffer.concat([manifest({}), Buffer.alloc(much - manifest({}).length, ' ')])),
    /it is bigger than 4194304/,
  ],
  [
    'characters of a user',
    MAX_NAME,
    (much) => asConfig(json({ config: { User: 'x'.repeat(much) } })),
    /config.User of it has more than 1024/,
  ],
  [
    'characters of a working directory',
    MAX_PATH,
    (much) => asConfig(json({ config: { WorkingDir: 'x'.repeat(much) } })),
    /config.WorkingDir of it has more than 4096/,
  ],
  ['annotations for snapshotters', MAX_SNAPSHOT_ANNOTATIONS, labelled, /annotations of the layer .* more than 64/],
];

describe.each(LIMITS)('%s', (_what, limit, read, refusal) => {
  it(`may be ${limit} and no more`, () => {
    expect(read(limit)).toBeDefined();
    expect(() => read(limit + 1)).toThrow(refusal);
  });
});

const numbers = marked(MAX_JSON_MARKS);
const labels = json({
  config: { Labels: Object.fromEntries(Array.from({ length: 14_990 }, (_, at) => [`label.${at}`, 'x'])) },
});
const quotes = json({ config: { Labels: { a: '"'.repeat(MAX_CONFIG_BYTES / 2 - 40) } } });
const layers = manifest({ layers: Array.from({ length: MAX_LAYERS }, () => entry({ annotations: annotated(20) })) });
const entries = index(MAX_INDEX_ENTRIES);
const brackets = Buffer.alloc(MAX_MANIFEST_BYTES, '[');

/** Work at the limits that takes longest: milliseconds without a break. */
const WORK: Record<string, () => unknown> = {
  'a config of as many numbers as may be': () => asConfig(numbers),
  'a config of as many labels as may be': () => asConfig(labels),
  'a config of 4 MiB of quotes': () => asConfig(quotes),
  'a manifest of 500 layers with 20 annotations each': () => asManifest(layers),
  'an index of 1000 entries': () => asIndex(entries),
  'brackets beyond the limit': () => {
    try {
      return asManifest(brackets);
    } catch (error) {
      return error;
    }
  },
  'a challenge of quotes': () => parseChallenges(`Bearer ${'a="'.repeat(20_000)}`),
  'a challenge of names': () => parseChallenges('a '.repeat(20_000)),
  'a text to redact of dots': () => redactText(`http://a/${'.'.repeat(8000)}x`),
  'a text to redact of blanks': () => redactText(`bearer${' '.repeat(4000)},`.repeat(10)),
};

describe('What an image or a registry sizes', () => {
  it.each(Object.entries(WORK))('holds the event loop for less than 50 ms: %s', (what, act) => {
    expect(heldFor(what, act, MOST_HELD_MS)).toBeLessThan(MOST_HELD_MS);
  });
});
