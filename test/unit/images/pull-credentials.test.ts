import { basic, type FakeRegistry, type Interceptor } from '../../support/fake-registry';
import { ImageBench, NOTHING } from '../../support/image-bench';
import { descriptor, testImage } from '../../support/test-image';

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
const ref = (rest: string): string => `${registry.host}/${rest}`;
const isBlob: (path: string) => boolean = (path) => path.includes('/blobs/');
const sentCredentials = (to: FakeRegistry): string[] =>
  to.requests.flatMap(({ headers, body }) => [headers.authorization ?? '', body].filter((text) => text !== ''));

/** Redirects blobs elsewhere. */
const redirectBlobs =
  (to: string): Interceptor =>
  ({ path }, response) => {
    if (!isBlob(path)) return false;
    response.writeHead(307, { Location: `${to}${path}?X-Signature=s3cret` }).end();
    return true;
  };

describe('pull from a registry that wants credentials', () => {
  const good = { username: 'u', password: 'p' };

  beforeEach(() => registry.addImage('a/b', '1', image));

  it('gets a token with a password, once for the whole pull', async () => {
    registry.auth = { kind: 'token', ...good };
    await bench.pull(ref('a/b:1'), { auth: good });
    const [token, ...more] = registry.requests.filter(({ path }) => path === '/token');
    expect(more).toEqual([]);
    expect(Object.fromEntries(token?.query ?? [])).toEqual({
      service: registry.host,
      scope: 'repository:a/b:pull',
      account: 'u',
    });
  });

  it('gets a token without credentials where that is enough', async () => {
    registry.auth = { kind: 'token' };
    await bench.pull(ref('a/b:1'));
    expect(registry.tokens).toHaveLength(1);
  });

  it('trades an identity token for one, in a POST', async () => {
    registry.auth = { kind: 'token', identityToken: 'refresh' };
    await bench.pull(ref('a/b:1'), { auth: { identityToken: 'refresh' } });
    const [token] = registry.requests.filter(({ path }) => path === '/token');
    expect([token?.method, Object.fromEntries(new URLSearchParams(token?.body))]).toEqual([
      'POST',
      {
        grant_type: 'refresh_token',
        refresh_token: 'refresh',
        service: registry.host,
        scope: 'repository:a/b:pull',
        client_id: 'crisp',
      },
    ]);
  });

  it('sends a password when asked for one, and no earlier', async () => {
    registry.auth = { kind: 'basic', ...good };
    await bench.pull(ref('a/b:1'), { auth: { auth: Buffer.from('u:p').toString('base64') } });
    const sent = registry.requests.map(({ headers }) => headers.authorization);
    expect(sent[0]).toBeUndefined();
    expect(new Set(sent.slice(1))).toEqual(new Set([basic('u', 'p')]));
  });

  it('sends a registry token as it is', async () => {
    registry.auth = { kind: 'token', ...good };
    registry.tokens.push('given');
    await bench.pull(ref('a/b:1'), { auth: { registryToken: 'given' } });
    expect(registry.tokens).toEqual(['given']);
  });

  it('renews a token that the registry no longer takes', async () => {
    registry.auth = { kind: 'token', ...good };
    registry.interceptors.push(({ path }) => {
      if (path.endsWith(image.config.digest) && registry.tokens.length === 1) registry.tokens[0] = 'void';
      return false;
    });
    await bench.pull(ref('a/b:1'), { auth: good });
    expect(registry.tokens).toHaveLength(2);
  });

  it.each([
    ['a wrong password for a token', { kind: 'token', ...good }, { username: 'u', password: 'wr0ng' }],
    ['none for a token', { kind: 'token', ...good }, undefined],
    ['a wrong password', { kind: 'basic', ...good }, { username: 'u', password: 'wr0ng' }],
    ['none for a password', { kind: 'basic', ...good }, undefined],
    ['a wrong identity token', { kind: 'token', identityToken: 'i' }, { identityToken: 'wr0ng' }],
  ] as const)('fails with %s, and does not repeat it', async (_what, mode, auth) => {
    registry.auth = mode;
    const failure = bench.pull(ref('a/b:1'), { auth });
    await expect(failure).rejects.toMatchObject({
      kind: 'other',
      message: expect.stringMatching(/credentials|denied/),
    });
    await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining('wr0ng') });
    expect(registry.requests.length).toBeLessThan(6);
    expect(bench.left).toEqual(NOTHING);
  });

  it('fails when the token server gives nonsense, without repeating it', async () => {
    registry.auth = { kind: 'token' };
    registry.interceptors.push(({ path }, response) => {
      if (path !== '/token') return false;
      response.end('half-a-t0ken');
      return true;
    });
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow(/gave no token: the answer is not JSON$/);
  });

  it('calls a registry whose token server is down unavailable', async () => {
    registry.auth = { kind: 'token', realm: 'http://127.0.0.1:1/token' };
    await expect(bench.pull(ref('a/b:1'))).rejects.toMatchObject({ kind: 'registry' });
  });

  it('asks the token server that the registry names', async () => {
    const tokens = await bench.registry();
    tokens.auth = { kind: 'token', ...good };
    registry.auth = { kind: 'token', ...good, realm: `${tokens.url}/token` };
    tokens.interceptors.push(() => {
      registry.tokens.push(`token-${tokens.tokens.length}`);
      return false;
    });
    await bench.pull(ref('a/b:1'), { auth: good });
    expect(tokens.requests).toHaveLength(1);
  });
});

describe('credentials stay where they belong', () => {
  const auth = { username: 'u', password: 's3cret' };

  it('not with a mirror, when they are for the registry', async () => {
    const mirror = await bench.registry();
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."${mirror.url}"]\n`);
    for (const { url } of [registry, mirror]) expect(url).toMatch(/^http:/);
    registry.addImage('a/b', '1', image);
    registry.auth = { kind: 'basic', ...auth };
    mirror.auth = { kind: 'token', ...auth };
    await bench.pull('registry.test/a/b:1', { auth: { ...auth, serverAddress: registry.url } });
    expect(sentCredentials(mirror)).toEqual([]);
    expect(mirror.count('HEAD', '/manifests/1')).toBe(1);
  });

  it('not where a foreign layer is', async () => {
    const attacker = await bench.registry();
    attacker.auth = { kind: 'token', ...auth };
    const [layer] = image.layers;
    if (!layer) throw new Error('no layer');
    const foreign = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
    const layers = [{ ...descriptor(layer), mediaType: foreign, urls: [`${attacker.url}/v2/x/blobs/${layer.digest}`] }];
    const single = testImage(['one'], { manifest: { layers } });
    registry.addImage('a/b', '1', single);
    registry.removeBlob(layer);
    registry.auth = { kind: 'token', ...auth };
    await expect(bench.pull(ref('a/b:1'), { auth })).rejects.toThrow(/the foreign layer .* answered 401$/);
    expect(attacker.requests).toHaveLength(1);
    expect(sentCredentials(attacker)).toEqual([]);

    attacker.auth = { kind: 'none' };
    attacker.addBlob(layer);
    await bench.pull(ref('a/b:1'), { auth });
    expect(sentCredentials(attacker)).toEqual([]);
  });

  it('and other layers are not looked for where a manifest says', async () => {
    const attacker = await bench.registry();
    const [layer] = image.layers;
    if (!layer) throw new Error('no layer');
    attacker.addBlob(layer);
    const layers = [{ ...descriptor(layer), urls: [`${attacker.url}/v2/x/blobs/${layer.digest}`] }];
    registry.addImage('a/b', '1', testImage(['one'], { manifest: { layers } }));
    registry.removeBlob(layer);
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow('answered 404');
    expect(attacker.requests).toEqual([]);
  });

  it('not where a registry redirects to, nor do configured headers', async () => {
    const storage = await bench.registry();
    registry.addImage('a/b', '1', image);
    for (const blob of [image.config, ...image.layers]) storage.addBlob(blob);
    registry.auth = { kind: 'basic', ...auth };
    registry.interceptors.push(redirectBlobs(storage.url));
    bench.hosts(registry.host, `[host."${registry.url}"]\nheader = { "X-Key" = "k3y" }`);
    await bench.pull(ref('a/b:1'), { auth });
    expect(storage.requests).toHaveLength(3);
    expect(sentCredentials(storage)).toEqual([]);
    expect(storage.requests.map(({ headers }) => headers['x-key'])).toEqual([undefined, undefined, undefined]);
    expect(registry.requests.every(({ headers }) => headers['x-key'] === 'k3y')).toBe(true);
  });

  it('not when a redirect leads back', async () => {
    const elsewhere = await bench.registry();
    registry.addImage('a/b', '1', image);
    registry.auth = { kind: 'basic', ...auth };
    registry.interceptors.push(({ path, query }, response) => {
      if (!isBlob(path) || query.has('X-Signature')) return false;
      response.writeHead(307, { Location: `${elsewhere.url}${path}` }).end();
      return true;
    });
    elsewhere.interceptors.push(redirectBlobs(registry.url));
    await expect(bench.pull(ref('a/b:1'), { auth })).rejects.toThrow('access is denied');
    const back = registry.requests.filter(({ query }) => query.has('X-Signature'));
    expect(back.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('not in a POST that is redirected', async () => {
    const elsewhere = await bench.registry();
    registry.addImage('a/b', '1', image);
    registry.auth = { kind: 'token', identityToken: 's3cret' };
    registry.interceptors.push(({ path }, response) => {
      if (path !== '/token') return false;
      response.writeHead(307, { Location: `${elsewhere.url}/token` }).end();
      return true;
    });
    await expect(bench.pull(ref('a/b:1'), { auth: { identityToken: 's3cret' } })).rejects.toThrow('redirects a POST');
    expect(elsewhere.requests).toEqual([]);
  });

  it.each([
    ['a signed address that fails', 403],
    ['a signed address whose server is broken', 500],
  ])('nor in the error of %s', async (_what, status) => {
    const storage = await bench.registry();
    storage.interceptors.push((_seen, response) => {
      response.writeHead(status).end('<Error>s3cret</Error>');
      return true;
    });
    registry.addImage('a/b', '1', image);
    registry.interceptors.push(redirectBlobs(storage.url));
    const failure = bench.pull(ref('a/b:1'), { auth });
    await expect(failure).rejects.toMatchObject({
      message: expect.stringContaining(
        `${storage.url}/v2/a/b/blobs/${image.config.digest}?<redacted> answered ${status}`,
      ),
    });
    await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining('s3cret') });
  });
});
