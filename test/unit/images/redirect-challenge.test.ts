import { basic, type FakeRegistry } from '../../support/fake-registry';
import { ImageBench, NOTHING } from '../../support/image-bench';
import { testImage } from '../../support/test-image';

let bench: ImageBench;
let registry: FakeRegistry;
let storage: FakeRegistry;

const image = testImage(['one', 'two']);
const secrets = { username: 'u', password: 's3cret' };

/** Leads all requests for manifests or blobs that match to the same path at `to`. */
function redirect(from: FakeRegistry, to: FakeRegistry, { what, status }: { what: RegExp; status: number }): void {
  from.interceptors.push(({ path }, response) => {
    if (!what.test(path)) return false;
    response.writeHead(status, { Location: `${to.url}${path}?sig=x` }).end();
    return true;
  });
}

const authorizations = (at: FakeRegistry): string[] => [
  ...new Set(at.requests.flatMap(({ headers }) => headers.authorization ?? [])),
];
const sent = (at: FakeRegistry): string =>
  JSON.stringify(at.requests.map(({ path, headers, body, query }) => [path, headers, body, [...query]]));
const pull = (auth: object | undefined = secrets) => bench.pull(`${registry.host}/a/b:1`, { auth });

beforeEach(async () => {
  bench = await ImageBench.start();
  [registry, storage] = [await bench.registry(), await bench.registry()];
  for (const at of [registry, storage]) at.addImage('a/b', '1', image);
  storage.auth = { kind: 'token' };
});
afterEach(async () => {
  expect(bench.fake.leftovers()).toEqual({});
  await bench.stop();
});

describe('The challenge of a host that a registry redirects to is met with a token that anyone may have', () => {
  it.each([
    ['blobs', /\/blobs\//],
    ['manifests', /\/manifests\//],
    ['everything', /\/v2\//],
  ])('for %s', async (_what, what) => {
    redirect(registry, storage, { what, status: 307 });
    expect((await pull()).id).toBe(image.config.digest);
    expect(storage.tokens).toHaveLength(1);
    expect(authorizations(storage)).toEqual(['Bearer token-0']);
    expect(authorizations(registry)).toEqual([]);
  });

  it.each([301, 302, 303, 307, 308])('after a redirect with %s', async (status) => {
    redirect(registry, storage, { what: /\/blobs\//, status });
    await pull();
  });

  it.each([
    ['a password', { kind: 'basic', ...secrets }, secrets],
    ['a password for a token', { kind: 'token', ...secrets }, secrets],
    ['an identity token', { kind: 'token', identityToken: 's3cret' }, { identityToken: 's3cret' }],
    ['a registry token', { kind: 'token', username: 'nobody' }, { registryToken: 's3cret' }],
  ] as const)('and never with what the registry gets: %s', async (_what, mode, auth) => {
    registry.auth = mode;
    if ('registryToken' in auth) registry.tokens.push('s3cret');
    // The registry asks for credentials first, and redirects only who has shown them.
    const known = (authorization: string | undefined): boolean =>
      authorization === basic('u', 's3cret') || registry.tokens.some((token) => authorization === `Bearer ${token}`);
    registry.interceptors.push(({ path, headers }, response) => {
      if (!path.includes('/blobs/') || !known(headers.authorization)) return false;
      response.writeHead(307, { Location: `${storage.url}${path}` }).end();
      return true;
    });
    storage.tokens.push('not-yours');
    await pull(auth);
    expect(authorizations(storage)).toEqual(['Bearer token-1']);
    expect(sent(storage)).not.toContain('s3cret');
    expect(sent(storage)).not.toContain(Buffer.from('u:s3cret').toString('base64'));
    expect(storage.requests.filter(({ path }) => path === '/token').map(({ method }) => method)).toEqual(['GET']);
    expect(sent(registry)).not.toContain('token-1');
  });

  it('from a token server elsewhere', async () => {
    const tokens = await bench.registry();
    tokens.auth = { kind: 'token' };
    storage.auth = { kind: 'token', realm: `${tokens.url}/token` };
    tokens.interceptors.push(() => {
      storage.tokens.push(`token-${tokens.tokens.length}`);
      return false;
    });
    registry.auth = { kind: 'basic', ...secrets };
    redirect(registry, storage, { what: /\/blobs\//, status: 307 });
    await pull();
    expect(tokens.requests).toHaveLength(1);
    expect(sent(tokens)).not.toContain(Buffer.from('u:s3cret').toString('base64'));
  });

  it('at each host of a chain, each with its own', async () => {
    const second = await bench.registry();
    second.addImage('a/b', '1', image);
    second.auth = { kind: 'token' };
    second.tokens.push('padding');
    redirect(registry, storage, { what: /\/blobs\//, status: 307 });
    const known = (authorization: string | undefined): boolean =>
      storage.tokens.some((token) => authorization === `Bearer ${token}`);
    storage.interceptors.push(({ path, headers }, response) => {
      if (!path.includes('/blobs/') || !known(headers.authorization)) return false;
      response.writeHead(307, { Location: `${second.url}${path}` }).end();
      return true;
    });
    await pull();
    expect([authorizations(storage), authorizations(second)]).toEqual([['Bearer token-0'], ['Bearer token-1']]);
  });

  it('for the parts of a blob', async () => {
    bench.puller = bench.makePuller({ layerPartBytes: 64 });
    redirect(registry, storage, { what: /\/blobs\//, status: 307 });
    await pull();
    expect(storage.tokens).toHaveLength(1);
    expect(storage.requests.some(({ headers }) => headers.range !== undefined)).toBe(true);
  });

  it('and anew when the host no longer takes it', async () => {
    redirect(registry, storage, { what: /\/blobs\//, status: 307 });
    storage.interceptors.push(({ path }) => {
      if (path.endsWith(image.layers[0]?.digest ?? '') && storage.tokens.length === 1) storage.tokens[0] = 'void';
      return false;
    });
    await pull();
    expect(storage.tokens).toHaveLength(2);
  });
});

describe('A host that a registry redirects to', () => {
  it.each([
    ['a password', { kind: 'basic', ...secrets }, 'access is denied'],
    ['a token for a password', { kind: 'token', ...secrets }, 'it wants credentials'],
  ] as const)('is not shown the password when it wants %s', async (_what, mode, words) => {
    storage.auth = mode;
    redirect(registry, storage, { what: /\/blobs\//, status: 307 });
    const failure = pull();
    await expect(failure).rejects.toMatchObject({ kind: 'other', message: expect.stringContaining(words) });
    await expect(failure).rejects.toMatchObject({ message: expect.stringContaining(storage.url) });
    expect(sent(storage)).not.toContain(Buffer.from('u:s3cret').toString('base64'));
    expect(bench.left).toEqual(NOTHING);
  });

  it('is not asked for ever when it takes no token', async () => {
    storage.interceptors.push(({ path }, response) => {
      if (path === '/token') return false;
      response.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${storage.url}/token"` }).end();
      return true;
    });
    redirect(registry, storage, { what: /\/blobs\//, status: 307 });
    await expect(pull()).rejects.toThrow('access is denied');
    expect(storage.requests.length).toBeLessThan(8);
  });

  it('and is not asked for a token when it asks for none', async () => {
    storage.auth = { kind: 'none' };
    redirect(registry, storage, { what: /\/blobs\//, status: 307 });
    await pull();
    expect(authorizations(storage)).toEqual([]);
    expect(storage.tokens).toEqual([]);
  });
});
