import { createHash } from 'node:crypto';
import { basic, type FakeRegistry, type Interceptor } from '../../support/fake-registry';
import { ImageBench, NOTHING } from '../../support/image-bench';
import { descriptor, OCI_MANIFEST, testImage } from '../../support/test-image';

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

describe('pull through mirrors', () => {
  it('asks them in order, telling whose content is meant, and the registry last', async () => {
    const [first, second] = [await bench.registry(), await bench.registry()];
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."${first.url}"]\n[host."${second.url}"]`);
    second.addManifest('a/b', '1', image.manifest);
    registry.addImage('a/b', '1', image);
    await bench.pull('registry.test/a/b:1');
    for (const mirror of [first, second]) {
      expect(new Set(mirror.requests.map(({ query }) => query.get('ns')))).toEqual(new Set(['registry.test']));
    }
    expect([first, second, registry].map((at) => at.count('HEAD', '/manifests/1'))).toEqual([1, 1, 0]);
    expect([first, second, registry].map((at) => at.count('GET', image.config.digest))).toEqual([1, 1, 1]);
    expect(bench.index.list()).toHaveLength(1);
  });

  it('passes over what a host is not there for', async () => {
    const mirror = await bench.registry();
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."${mirror.url}"]\ncapabilities = ["pull"]`);
    mirror.addImage('a/b', '1', image);
    registry.addImage('a/b', '1', image);
    await bench.pull('registry.test/a/b:1');
    expect(mirror.requests.every(({ method }) => method === 'GET')).toBe(true);
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('uses the path that the file says is complete', async () => {
    bench.hosts('registry.test', `server = "${registry.url}/v2/proxy"`);
    bench.hosts('other.test', `server = "${registry.url}/v2/proxy"\noverride_path = true`);
    registry.addImage('proxy/a/b', '1', image);
    await bench.pull('other.test/a/b:1');
    await expect(bench.pull('registry.test/a/b:1')).rejects.toThrow('/v2/proxy/v2/a/b/manifests/1');
  });

  it('goes on when one is down, and tells of all when all fail', async () => {
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."http://127.0.0.1:1"]`);
    await expect(bench.pull('registry.test/a/b:1')).rejects.toMatchObject({
      kind: 'other',
      message: expect.stringMatching(/127\.0\.0\.1:1.*ECONNREFUSED.*; .*answered 404/),
    });
    registry.addImage('a/b', '1', image);
    await bench.pull('registry.test/a/b:1');
  });

  it('says that no host may be asked', async () => {
    bench.hosts('registry.test', `server = "${registry.url}"\ncapabilities = ["push"]`);
    await expect(bench.pull('registry.test/a/b:1')).rejects.toThrow('no host is configured');
  });
});

describe('pull from a registry in trouble', () => {
  const fault = (
    matches: (path: string, method: string) => boolean,
    answer: (response: Parameters<Interceptor>[1], nth: number) => boolean | undefined,
  ): void => {
    let nth = 0;
    registry.interceptors.push(({ path, method }, response) => matches(path, method) && answer(response, ++nth));
  };
  const big = testImage([Buffer.alloc(700_000, createHash('sha512').update('x').digest('hex'))]);
  const random = testImage([Buffer.from(Array.from({ length: 600_000 }, (_, i) => (i * 7919) % 251))]);

  it('resumes where a connection broke', async () => {
    const [layer] = random.layers;
    if (!layer) throw new Error('no layer');
    registry.addImage('a/b', '1', random);
    const half = layer.size >> 1;
    fault(
      (path) => path.endsWith(layer.digest),
      (response, nth) => {
        if (nth > 1) return false;
        response.writeHead(200, { 'Content-Length': layer.size });
        response.write(layer.data.subarray(0, half));
        response.socket?.end();
        return true;
      },
    );
    await bench.pull(ref('a/b:1'));
    const ranges = registry.requests
      .filter(({ path }) => path.endsWith(layer.digest))
      .map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, `bytes=${half}-`]);
  });

  it('skips what it has when a registry does not know of ranges', async () => {
    const [layer] = random.layers;
    if (!layer) throw new Error('no layer');
    registry.addImage('a/b', '1', random);
    fault(
      (path) => path.endsWith(layer.digest),
      (response, nth) => {
        response.writeHead(200, { 'Content-Length': layer.size });
        if (nth > 1) response.end(layer.data);
        else response.write(layer.data.subarray(0, 1000));
        if (nth === 1) response.socket?.end();
        return true;
      },
    );
    expect((await bench.pull(ref('a/b:1'))).id).toBe(random.config.digest);
  });

  it('gives up when nothing more comes', async () => {
    registry.addImage('a/b', '1', big);
    fault(isBlob, (response) => {
      response.destroy();
      return true;
    });
    await expect(bench.pull(ref('a/b:1'))).rejects.toMatchObject({ kind: 'registry' });
    expect(bench.left).toEqual(NOTHING);
  });

  it.each([408, 429, 500, 502, 503, 504])('tries again after %s', async (status) => {
    registry.addImage('a/b', '1', image);
    fault(
      () => true,
      (response, nth) => {
        if (nth % 2 === 0) return false;
        response.writeHead(status).end();
        return true;
      },
    );
    expect((await bench.pull(ref('a/b:1'))).id).toBe(image.config.digest);
  });

  it.each([
    [503, 'registry'],
    [429, 'registry'],
    [500, 'registry'],
    [404, 'other'],
    [403, 'other'],
    [400, 'other'],
  ])('says of %s that the trouble is: %s', async (status, kind) => {
    fault(
      () => true,
      (response) => {
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.end('{"errors":[{"code":"TROUBLE","message":"at https://u:p@x/?k=v"}]}');
        return true;
      },
    );
    await expect(bench.pull(ref('a/b:1'))).rejects.toMatchObject({
      kind,
      message: expect.stringContaining(`${status}`),
    });
    const digest = `sha256:${'0'.repeat(64)}`;
    await expect(bench.pull(ref(`a/b@${digest}`))).rejects.toMatchObject({
      kind,
      message: expect.stringContaining('(TROUBLE: at https://x/?<redacted>)'),
    });
  });

  it('calls a registry that is not there unavailable', async () => {
    await expect(bench.pull('127.0.0.1:1/a:1')).rejects.toMatchObject({
      kind: 'registry',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(bench.left).toEqual(NOTHING);
  });

  it.each([
    ['a layer', (): string => big.layers[0]?.digest ?? ''],
    ['a config', (): string => big.config.digest],
  ])('refuses %s that is not what it should be', async (_what, which) => {
    registry.addImage('a/b', '1', big);
    const wanted = [...big.layers, big.config].find(({ digest }) => digest === which());
    fault(
      (path) => path.endsWith(which()),
      (response) => {
        response.end(Buffer.alloc(wanted?.size ?? 0, 120));
        return true;
      },
    );
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow(`the blob ${which()} came with the digest sha256:`);
    expect(bench.left).toEqual(NOTHING);
  });

  it('refuses a layer that does not end where it should', async () => {
    registry.addImage('a/b', '1', big);
    const digest = big.layers[0]?.digest ?? '';
    fault(
      (path) => path.endsWith(digest),
      (response) => {
        response.end(Buffer.alloc(4_000_000));
        return true;
      },
    );
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow(/is longer than the \d+ bytes it was said to have/);
  });

  it('refuses a manifest that does not have the digest that was asked for', async () => {
    registry.addImage('a/b', '1', image);
    fault(
      (path, method) => method === 'GET' && path.endsWith(image.manifest.digest),
      (response) => {
        response.writeHead(200, { 'Content-Type': OCI_MANIFEST }).end(big.manifest.data);
        return true;
      },
    );
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow(`does not have the digest ${image.manifest.digest}`);
    await expect(bench.pull(ref(`a/b@${image.manifest.digest}`))).rejects.toThrow('does not have the digest');
  });

  it.each([
    ['does not answer HEAD', 405, {}],
    ['says nothing of the digest', 200, { 'Content-Type': OCI_MANIFEST, 'Content-Length': 5 }],
    ['says nonsense of the digest', 200, { 'Content-Type': OCI_MANIFEST, 'Docker-Content-Digest': 'sha256:x' }],
  ])('reads the manifest where a registry %s', async (_what, status, headers) => {
    registry.addImage('a/b', '1', image);
    fault(
      (_path, method) => method === 'HEAD',
      (response) => {
        response.writeHead(status, headers).end();
        return true;
      },
    );
    expect((await bench.pull(ref('a/b:1'))).target.digest).toBe(image.manifest.digest);
  });

  it.each([
    ['is announced', (response: Parameters<Interceptor>[1]) => response.writeHead(200, { 'Content-Length': 1 << 30 })],
    ['is not announced', (response: Parameters<Interceptor>[1]) => response.writeHead(200)],
  ])('refuses a manifest of a gigabyte without reading it, when that %s', async (_what, head) => {
    let sent = 0;
    fault(
      (_path, method) => method === 'GET',
      (response) => {
        head(response);
        const part = Buffer.alloc(1 << 20, 32);
        const more = (): void => {
          while (!response.destroyed && sent < 1 << 30) {
            sent += part.length;
            if (!response.write(part)) return void response.once('drain', more);
          }
        };
        more();
        return true;
      },
    );
    await expect(bench.pull(ref(`a/b@${image.manifest.digest}`))).rejects.toThrow('is bigger than 4194304 bytes');
    expect(sent).toBeLessThan(64 << 20);
  });

  it('does not follow redirects for ever', async () => {
    fault(
      () => true,
      (response, nth) => {
        response.writeHead(302, { Location: `/v2/again/${nth}` }).end();
        return true;
      },
    );
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow('redirects more than 10 times');
  });

  it.each(['', 'file:///etc/passwd', 'http://'])('does not follow a redirect to %j', async (location) => {
    fault(
      () => true,
      (response) => {
        response.writeHead(302, { Location: location }).end();
        return true;
      },
    );
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow('redirects to nowhere');
  });

  it('gives a pull up for which nothing arrives', async () => {
    bench.puller = bench.makePuller({ progressTimeoutMs: 60 });
    registry.addImage('a/b', '1', big);
    fault(isBlob, (response) => {
      response.writeHead(200, { 'Content-Length': 1000 }).write('x');
      return true; // and no more
    });
    await expect(bench.pull(ref('a/b:1'))).rejects.toMatchObject({
      kind: 'registry',
      message: expect.stringContaining('no byte has arrived from the registry for 0.06 s'),
    });
    expect(bench.left).toEqual(NOTHING);
  });
});
