import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { FakeRegistry, Seen } from '../../support/fake-registry';
import { ImageBench } from '../../support/image-bench';
import { TEST_SERVER } from '../../support/test-certificates';
import { descriptor, testImage } from '../../support/test-image';

let bench: ImageBench;
let registry: FakeRegistry;

beforeEach(async () => {
  bench = await ImageBench.start();
  registry = await bench.registry();
  registry.addImage('a/b', '1', image);
});
afterEach(async () => {
  expect(bench.fake.leftovers()).toEqual({});
  await bench.stop();
});

type Answer = Parameters<FakeRegistry['interceptors'][number]>[1];
const image = testImage(['one', 'two']);
const pull = (auth?: object) => bench.pull(`${registry.host}/a/b:1`, { auth });
const answers =
  (status: number, headers: Record<string, string> = {}) =>
  (response: Answer): void =>
    void response.writeHead(status, headers).end('<html>');
const cutOff = (response: Answer): void => void response.destroy();
const halfAToken = (response: Answer): void => {
  response.writeHead(200, { 'Content-Length': 100 });
  response.write('{"token":"half', () => response.destroy());
};

/** The first `times` requests that match get this answer; tells how many matched. */
function failing(
  at: FakeRegistry,
  { times, matches, answer }: { times: number; matches: (seen: Seen) => boolean; answer: (response: Answer) => void },
): { count: number } {
  const seen = { count: 0 };
  at.interceptors.push((request, response) => {
    if (!matches(request) || ++seen.count > times) return false;
    answer(response);
    return true;
  });
  return seen;
}

const isToken = ({ path }: Seen): boolean => path === '/token';
const PASSING: [string, (response: Answer) => void][] = [
  ...[408, 429, 500, 502, 503, 504].map((status): [string, (response: Answer) => void] => [
    `answers ${status}`,
    answers(status),
  ]),
  ['answers 503 and asks for a moment', answers(503, { 'Retry-After': '0' })],
  ['answers 429 and names the time', answers(429, { 'Retry-After': new Date(0).toUTCString() })],
  ['cuts the connection', cutOff],
  ['breaks off within its answer', halfAToken],
];

describe('A token server in trouble is asked again as the registry is', () => {
  it.each(PASSING)('when it %s', async (_what, answer) => {
    registry.auth = { kind: 'token' };
    const seen = failing(registry, { times: 2, matches: isToken, answer });
    expect((await pull()).id).toBe(image.config.digest);
    expect(seen.count).toBe(3);
  });

  it.each(PASSING)('when it %s at the POST of an identity token', async (_what, answer) => {
    registry.auth = { kind: 'token', identityToken: 'refresh' };
    failing(registry, { times: 1, matches: isToken, answer });
    expect((await pull({ identityToken: 'refresh' })).id).toBe(image.config.digest);
  });

  it.each(PASSING)('and no longer than the registry, when it always %s', async (_what, answer) => {
    registry.auth = { kind: 'token' };
    const seen = failing(registry, { times: Number.POSITIVE_INFINITY, matches: isToken, answer });
    await expect(pull()).rejects.toMatchObject({ kind: 'registry', message: expect.stringContaining('/token') });
    expect(seen.count).toBe(3);
  });

  it.each([400, 401, 403, 404])('but not when it answers %s', async (status) => {
    registry.auth = { kind: 'token' };
    const seen = failing(registry, {
      times: 9,
      matches: isToken,
      answer: answers(status, { 'Content-Type': 'text/html' }),
    });
    await expect(pull()).rejects.toMatchObject({
      kind: 'other',
      message: expect.stringContaining(`${registry.url}/token?<redacted> answered ${status} with text/html`),
    });
    expect(seen.count).toBe(1);
  });

  it('until the pull is given up', async () => {
    bench.puller = bench.makePuller({ retry: { attempts: 3, firstMs: 60_000, maxMs: 60_000 } });
    registry.auth = { kind: 'token' };
    const leaving = new AbortController();
    failing(registry, {
      times: 9,
      matches: isToken,
      answer: (response) => {
        answers(503)(response);
        setImmediate(() => leaving.abort(new Error('kubelet has gone')));
      },
    });
    await expect(bench.pull(`${registry.host}/a/b:1`, { signal: leaving.signal })).rejects.toThrow('kubelet has gone');
  });
});

describe('What may pass is tried again', () => {
  it('when a manifest breaks off', async () => {
    const seen = failing(registry, {
      times: 2,
      matches: ({ method, path }) => method === 'GET' && path.includes('/manifests/'),
      answer: halfAToken,
    });
    await pull();
    expect(seen.count).toBe(3);
  });

  it.each(PASSING.slice(0, 9))('when the host of a foreign layer %s', async (_what, answer) => {
    const elsewhere = await bench.registry();
    const [layer] = testImage(['one']).layers;
    if (!layer) throw new Error('no layer');
    elsewhere.addBlob(layer);
    const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
    const urls = [`${elsewhere.url}/v2/x/blobs/${layer.digest}`];
    registry.addImage(
      'a/b',
      '1',
      testImage(['one'], { manifest: { layers: [{ ...descriptor(layer), mediaType, urls }] } }),
    );
    registry.removeBlob(layer);
    const seen = failing(elsewhere, { times: 2, matches: () => true, answer });
    await pull();
    expect(seen.count).toBe(3);
  });

  it('when the proxy cannot reach the registry for a moment', async () => {
    let asked = 0;
    const sockets = new Set<Socket>();
    const proxy = createServer().on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
    proxy.on('connect', (_request, socket: Socket) => {
      if (++asked <= 2) return socket.end('HTTP/1.1 503 No\r\n\r\n');
      const onward = connect(Number(secure.host.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      return onward.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const secure = await bench.registry(TEST_SERVER);
    secure.addImage('a/b', '1', image);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
    bench.puller = bench.makePuller({ env });
    bench.hosts('registry.test', 'server = "https://registry.test"\nskip_verify = true');
    await bench.pull('registry.test/a/b:1');
    expect(asked).toBeGreaterThan(2);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  });
});
