import { imageSpecJson, parseImageConfig } from '../../../src/images/document/image-config';
import { parseDocument } from '../../../src/images/document/manifests';
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/images/document/media-types';
import { registryHosts } from '../../../src/images/registry/hosts-dir';
import { ImageBench } from '../../support/image-bench';
import { blob, descriptor, testImage } from '../../support/test-image';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const json = (document: object): Buffer => Buffer.from(JSON.stringify(document));
/** The document with all keys of its objects in upper case. */
const shout = (document: unknown): unknown =>
  Array.isArray(document)
    ? document.map(shout)
    : typeof document === 'object' && document !== null
      ? Object.fromEntries(Object.entries(document).map(([key, member]) => [key.toUpperCase(), shout(member)]))
      : document;

describe('Documents with keys of another case', () => {
  it.each([
    [
      'lower case',
      { user: '1000:2', env: ['A=1'], cmd: ['c'], entrypoint: ['e'], workingdir: '/tmp', stopsignal: '9' },
    ],
    [
      'upper case',
      { USER: '1000:2', ENV: ['A=1'], CMD: ['c'], ENTRYPOINT: ['e'], WORKINGDIR: '/tmp', STOPSIGNAL: '9' },
    ],
    [
      'camel case',
      { user: '1000:2', env: ['A=1'], cmd: ['c'], entryPoint: ['e'], workingDir: '/tmp', stopSignal: '9' },
    ],
  ])('are read as an image config: %s', (_case, config) => {
    expect(parseImageConfig(json({ Config: config }), 'it').config).toMatchObject({
      user: '1000:2',
      env: ['A=1'],
      cmd: ['c'],
      entrypoint: ['e'],
      workingDir: '/tmp',
      stopSignal: '9',
    });
  });

  it('keep the keys that are data', () => {
    const config = { labels: { Owner: 'a', owner: 'b', User: 'c' }, volumes: { '/Data': {}, '/data': {} } };
    const read = parseImageConfig(json({ config }), 'it').config;
    expect(read.labels).toEqual({ Owner: 'a', owner: 'b', User: 'c' });
    expect(read.volumes).toEqual(['/Data', '/data']);
  });

  it('say the platform and the layers', () => {
    const document = {
      OS: 'linux',
      Architecture: 'arm64',
      VARIANT: 'v8',
      RootFS: { Type: 'layers', Diff_IDs: [DIGEST] },
    };
    expect(parseImageConfig(json(document), 'it')).toMatchObject({
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
      diffIds: [DIGEST],
    });
  });

  it('give way to the very key', () => {
    expect(parseImageConfig(json({ config: { User: '1', user: '0' } }), 'it').config.user).toBe('1');
    expect(parseImageConfig(json({ config: { user: '0', User: '1' } }), 'it').config.user).toBe('1');
  });

  it('are shown under the names of the fields', () => {
    const document = { OS: 'linux', config: { user: 'u', labels: { USER: 'x' } }, History: [{ Created_By: 'me' }] };
    expect(imageSpecJson(json(document))).toEqual({
      os: 'linux',
      config: { User: 'u', Labels: { USER: 'x' } },
      history: [{ created_by: 'me' }],
    });
  });

  it('are read as a manifest and as an index', () => {
    const entry = { mediaType: 'm', digest: DIGEST, size: 7 };
    const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: entry, layers: [{ ...entry, urls: ['u'] }] };
    const platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...entry, platform }] };
    for (const document of [manifest, index]) {
      expect(parseDocument(json(shout(document) as object), '', 'it')).toEqual(parseDocument(json(document), '', 'it'));
    }
  });

  it('do not hide what makes a document ambiguous', () => {
    const entry = { mediaType: 'm', digest: DIGEST, size: 7 };
    const manifest = { schemaVersion: 2, config: entry, layers: [entry] };
    const read = (document: object, type: string) => () => parseDocument(json(document), type, 'it');
    expect(read({ ...manifest, Manifests: [entry] }, OCI_MANIFEST)).toThrow('it is ambiguous');
    expect(read({ ...manifest, mediatype: OCI_INDEX }, OCI_MANIFEST)).toThrow('it calls itself');
    expect(read({ schemaVersion: 2, manifests: [], Layers: [entry] }, OCI_INDEX)).toThrow('it is ambiguous');
    expect(read({ ...manifest, FSLayers: [] }, OCI_MANIFEST)).toThrow('schema version 1');
  });

  it('make an image that can be pulled', async () => {
    const image = testImage(['one']);
    const config = blob(
      JSON.stringify({
        OS: 'linux',
        ARCHITECTURE: 'amd64',
        Config: { user: '1000' },
        RootFS: { diff_ids: image.diffIds },
      }),
      image.config.mediaType,
    );
    const manifest = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptor(config),
      layers: image.layers.map(descriptor),
    };
    const bench = await ImageBench.start();
    try {
      const registry = await bench.registry();
      registry.addImage('a/b', '1', {
        ...image,
        config,
        manifest: blob(JSON.stringify(shout(manifest)), OCI_MANIFEST),
      });
      expect((await bench.pull(`${registry.host}/a/b:1`)).user).toBe('1000');
    } finally {
      await bench.stop();
    }
  });
});

describe('Answers and files about registries with keys of another case', () => {
  let bench: ImageBench;
  beforeEach(async () => {
    bench = await ImageBench.start();
  });
  afterEach(() => bench.stop());

  it('are read as tokens', async () => {
    const image = testImage(['one']);
    const registry = await bench.registry();
    registry.addImage('a/b', '1', image);
    registry.auth = { kind: 'token' };
    registry.interceptors.push(({ path }, response) => {
      if (path !== '/token') return false;
      registry.tokens.push('t0ken');
      response.writeHead(200).end('{"Access_Token":"t0ken","Expires_In":300}');
      return true;
    });
    expect((await bench.pull(`${registry.host}/a/b:1`)).id).toBe(image.config.digest);
  });

  it("are read as a registry's errors", async () => {
    const registry = await bench.registry();
    registry.interceptors.push((_seen, response) => {
      response.writeHead(404).end('{"Errors":[{"Code":"GONE","Message":"moved away"}]}');
      return true;
    });
    await expect(bench.pull(`${registry.host}/a/b:1`)).rejects.toThrow('(GONE: moved away)');
  });

  it('are read as hosts.toml, whose hosts and headers are data', async () => {
    bench.hosts(
      'docker.io',
      `Server = "https://s.example"
       [host."https://M.example"]
       Capabilities = ["pull"]
       SKIP_VERIFY = true
       Override_Path = true
       [host."https://M.example".Header]
       X-Token = "a"`,
    );
    const hosts = await registryHosts(bench.configPath, 'docker.io');
    expect(hosts).toMatchObject([
      { host: 'm.example', path: '', headers: { 'X-Token': ['a'] }, trust: { skipVerify: true } },
      { host: 's.example' },
    ]);
    expect([...(hosts[0]?.capabilities ?? [])]).toEqual(['pull']);
  });

  it('are no tables where the file has a date', async () => {
    bench.hosts('docker.io', 'host = 2026-12-01');
    await expect(registryHosts(bench.configPath, 'docker.io')).rejects.toThrow('host is not a table');
  });
});
