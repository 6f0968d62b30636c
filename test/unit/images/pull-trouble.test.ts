import { createHash } from 'node:crypto';
import type { FakeRegistry, Interceptor } from '../../support/fake-registry';
import { ImageBench, NOTHING } from '../../support/image-bench';
import { OCI_MANIFEST, testImage } from '../../support/test-image';

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
const _sentCredentials = (to: FakeRegistry): string[] =>
  to.requests.flatMap(({ headers, body }) => [headers.authorization ?? '', body].filter((text) => text !== ''));

/** Redirects blobs elsewhere. */
const _redirectBlobs =
  (to: string): Interceptor =>
  ({ path }, response) => {
    if (!isBlob(path)) return false;
    response.writeHead(307, { Location: `${to}${path}?X-Signature=s3cret` }).end();
    return true;
  };

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
    await expect(bench.pull(ref('a/b:1'))).rejects.toThrow(`the blob ${which()} is not what it should be`);
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
