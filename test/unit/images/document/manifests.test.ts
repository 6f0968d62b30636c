import { parseImageConfig } from '../../../../src/images/document/image-config';
import { parseDocument } from '../../../../src/images/document/manifests';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../../../src/images/document/media-types';
import { candidates, type Platform, platformRank } from '../../../../src/images/document/platform';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const desc = (more: object = {}): object => ({ mediaType: 'm', digest: DIGEST, size: 7, ...more });
const manifest = (more: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: desc(), layers: [desc()], ...more }));
const index = (more: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [desc()], ...more }));

describe('parseDocument', () => {
  it('reads a manifest', () => {
    const layers = [desc({ urls: ['https://x/y'], annotations: { a: 'b' } })];
    expect(parseDocument(manifest({ layers }), OCI_MANIFEST, 'it')).toEqual({
      kind: 'manifest',
      mediaType: OCI_MANIFEST,
      config: { mediaType: 'm', digest: DIGEST, size: 7n },
      layers: [
        { descriptor: { mediaType: 'm', digest: DIGEST, size: 7n, annotations: { a: 'b' } }, urls: ['https://x/y'] },
      ],
    });
  });

  it('reads an index', () => {
    const manifests = [desc({ platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }), desc()];
    expect(parseDocument(index({ manifests }), '', 'it')).toEqual({
      kind: 'index',
      mediaType: OCI_INDEX,
      manifests: [
        {
          descriptor: { mediaType: 'm', digest: DIGEST, size: 7n },
          platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
        },
        { descriptor: { mediaType: 'm', digest: DIGEST, size: 7n }, platform: undefined },
      ],
    });
  });

  it.each([
    ['its own word', manifest({ mediaType: DOCKER_MANIFEST }), 'application/json', DOCKER_MANIFEST],
    ['what was declared', manifest({ mediaType: undefined }), `${DOCKER_MANIFEST}; charset=utf-8`, DOCKER_MANIFEST],
    ['what it holds', index({ mediaType: undefined }), '', OCI_INDEX],
    ['its own word beside another of that kind', manifest(), DOCKER_MANIFEST, OCI_MANIFEST],
    [
      'its own word beside another of that kind',
      manifest({ mediaType: DOCKER_MANIFEST }),
      OCI_MANIFEST,
      DOCKER_MANIFEST,
    ],
    ['its own word beside another of that kind', index(), DOCKER_LIST, OCI_INDEX],
    ['its own word beside another of that kind', index({ mediaType: DOCKER_LIST }), OCI_INDEX, DOCKER_LIST],
    [
      'what was declared, its own word saying nothing',
      manifest({ mediaType: 'application/json' }),
      OCI_MANIFEST,
      OCI_MANIFEST,
    ],
    [
      'its own word, whatever its case',
      manifest({ mediaType: OCI_MANIFEST.toUpperCase() }),
      DOCKER_MANIFEST,
      OCI_MANIFEST,
    ],
    ['what it holds', manifest({ mediaType: undefined }), 'text/plain', OCI_MANIFEST],
  ])('tells the type by %s', (_how, data, declared, mediaType) => {
    expect(parseDocument(data, declared, 'it').mediaType).toBe(mediaType);
  });

  it.each([
    ['a manifest with manifests', manifest({ manifests: [desc()] }), OCI_MANIFEST, 'it is ambiguous'],
    ['an index with layers', index({ layers: [desc()] }), OCI_INDEX, 'it is ambiguous'],
    ['an index with a config', index({ config: desc() }), DOCKER_LIST, 'it is ambiguous'],
    ['an untyped one with both', manifest({ mediaType: undefined, manifests: [desc()] }), '', 'it is ambiguous'],
    ['a manifest declared to be an index', manifest(), OCI_INDEX, 'it calls itself'],
    ['an index declared to be a manifest', index({ mediaType: DOCKER_LIST }), OCI_MANIFEST, 'it calls itself'],
    ['an index in disguise', index({ mediaType: undefined }), OCI_MANIFEST, 'it is ambiguous'],
    [
      'schema 1',
      Buffer.from('{"schemaVersion":1,"fsLayers":[]}'),
      '',
      'schema version 1, which is no longer supported',
    ],
    ['schema 1 by its fields', manifest({ fsLayers: [] }), '', 'schema version 1'],
    ['schema 3', manifest({ schemaVersion: 3 }), '', 'it is not of schema version 2'],
    [
      'no version and no known type',
      manifest({ schemaVersion: 0, mediaType: undefined }),
      '',
      'not of schema version 2',
    ],
    ['another type', manifest({ mediaType: 'application/x' }), '', 'it is of the type "application/x", not an image'],
    ['a list', Buffer.from('[]'), '', 'it is not an object'],
    ['nonsense', Buffer.from('<html>'), '', 'it is not JSON'],
    ['no config', manifest({ config: undefined }), '', 'config of it is not an object'],
    ['layers of another kind', manifest({ layers: 3 }), '', 'layers of it is not a list'],
    ['a bad digest', manifest({ layers: [desc({ digest: 'sha256:x' })] }), '', 'which is not a sha256 digest'],
    ['a digest with a path', manifest({ config: desc({ digest: `${DIGEST}/..` }) }), '', 'not a sha256 digest'],
    ['a negative size', manifest({ layers: [desc({ size: -1 })] }), '', 'has no valid size'],
    ['a broken size', manifest({ layers: [desc({ size: 1.5 })] }), '', 'has no valid size'],
    ['a size beyond numbers', manifest({ layers: [desc({ size: 2 ** 60 })] }), '', 'has no valid size'],
    ['too much', Buffer.alloc((4 << 20) + 1, 32), '', 'it is bigger than 4194304 bytes'],
  ])('refuses %s', (_what, data, declared, why) => {
    expect(() => parseDocument(data, declared, 'it')).toThrow(why);
  });

  it('takes a null where Go writes one for an empty list', () => {
    expect(parseDocument(manifest({ layers: null, manifests: null }), '', 'it')).toMatchObject({ layers: [] });
  });

  it('takes a label named like a part of JavaScript for what it is', () => {
    const data = Buffer.from(manifest().toString().replace('"size":7', '"size":7,"annotations":{"__proto__":"x"}'));
    const document = parseDocument(data, '', 'it');
    const annotations = document.kind === 'manifest' ? document.config.annotations : undefined;
    expect(Object.entries(annotations ?? {})).toEqual([['__proto__', 'x']]);
  });
});

describe('parseImageConfig', () => {
  const read = (document: object): unknown => parseImageConfig(Buffer.from(JSON.stringify(document)), 'it');

  it('reads all that containers are made from', () => {
    const config = {
      User: 'u:g',
      Env: ['A=1'],
      Entrypoint: ['/e'],
      Cmd: ['c'],
      WorkingDir: '/w',
      Labels: { l: 'v' },
      Volumes: { '/v': {} },
      StopSignal: 'SIGQUIT',
    };
    expect(read({ os: 'linux', architecture: 'arm64', variant: 'v8', config, rootfs: { diff_ids: [DIGEST] } })).toEqual(
      {
        platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
        diffIds: [DIGEST],
        config: {
          user: 'u:g',
          env: ['A=1'],
          entrypoint: ['/e'],
          cmd: ['c'],
          workingDir: '/w',
          labels: { l: 'v' },
          volumes: ['/v'],
          stopSignal: 'SIGQUIT',
        },
      },
    );
  });

  it('takes absent and null for empty', () => {
    const empty = {
      user: '',
      env: [],
      entrypoint: [],
      cmd: [],
      workingDir: '',
      labels: {},
      volumes: [],
      stopSignal: '',
    };
    const bare = { platform: { os: '', architecture: '', variant: '' }, diffIds: [], config: empty };
    expect(read({})).toEqual(bare);
    expect(read({ config: { Env: null, Labels: null, Volumes: null }, rootfs: null })).toEqual(bare);
  });

  it.each([
    [{ config: { Env: 'A=1' } }, 'config.Env of it is not a list'],
    [{ config: { Cmd: [1] } }, 'config.Cmd of it is not a list of strings'],
    [{ config: { Labels: { a: 1 } } }, '"a" of config.Labels of it is not a string'],
    [{ config: [] }, 'config of it is not an object'],
    [{ rootfs: { diff_ids: ['md5:1'] } }, 'rootfs.diff_ids of it has "md5:1"'],
    [{ os: 1 }, 'os of it is not a string'],
  ])('refuses %j: %s', (document, why) => {
    expect(() => read(document)).toThrow(why);
  });
});

describe('platformRank', () => {
  const platform = (text: string): Platform => {
    const [os = '', architecture = '', variant = ''] = text.split('/');
    return { os, architecture, variant };
  };

  it.each([
    ['linux/amd64', 'linux/amd64', 0],
    ['linux/x86_64', 'linux/amd64', 0],
    ['linux/amd64/v1', 'linux/amd64', 0],
    ['linux/amd64/v3', 'linux/amd64', undefined],
    ['linux/amd64/v2', 'linux/amd64/v3', 1],
    ['linux/amd64/v3', 'linux/amd64/v3', 0],
    ['linux/amd64/3', 'linux/amd64/v3', 0],
    ['linux/amd64/v4', 'linux/amd64/v3', undefined],
    ['linux/amd64', 'linux/amd64/v4', 3],
    ['linux/386', 'linux/amd64/v4', 4],
    ['linux/amd64', 'linux/amd64/v1', 0],
    ['linux/386', 'linux/amd64', 1],
    ['linux/arm64', 'linux/amd64', undefined],
    ['windows/amd64', 'linux/amd64', undefined],
    ['unknown/unknown', 'linux/amd64', undefined],
    ['linux/arm64', 'linux/arm64/v8', 0],
    ['linux/aarch64/8', 'linux/arm64/v8', 0],
    ['linux/arm64/v9', 'linux/arm64/v8', undefined],
    ['linux/arm64/v8.1', 'linux/arm64/v8', undefined],
    ['linux/arm64/v9', 'linux/arm64/v9', 0],
    ['linux/arm64/v9.0', 'linux/arm64/v9', 0],
    ['linux/arm64/v9.2', 'linux/arm64/v9', undefined],
    ['linux/arm64/v8.5', 'linux/arm64/v9', 1],
    ['linux/arm64', 'linux/arm64/v9', 6],
    ['linux/arm/v5', 'linux/arm/v6', 1],
    ['linux/arm/v7', 'linux/arm/v6', undefined],
    ['linux/arm/v8', 'linux/arm/v8', 0],
    ['linux/arm/v7', 'linux/arm64/v8', 2],
    ['linux/arm', 'linux/arm/v7', 0],
    ['linux/arm/v6', 'linux/arm/v7', 1],
    ['linux/arm/v8', 'linux/arm/v7', undefined],
    ['linux/s390x', 'linux/s390x', 0],
    ['wasi/wasm', 'linux/amd64', 100],
  ])('of %s on %s is %s', (image, host, rank) => {
    expect(platformRank(platform(image), platform(host))).toBe(rank);
  });

  it('orders candidates from best to worst, those that do not say last', () => {
    const entries = ['linux/386', '', 'linux/arm64', 'linux/amd64'].map((text) => ({
      text,
      platform: text === '' ? undefined : platform(text),
    }));
    expect(candidates(entries, platform('linux/amd64')).map(({ text }) => text)).toEqual([
      'linux/amd64',
      'linux/386',
      '',
    ]);
  });
});
