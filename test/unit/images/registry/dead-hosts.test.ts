import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { FakeRegistry } from '../../../support/fake-registry';
import { ImageBench } from '../../../support/image-bench';
import { until } from '../../../support/streaming/until';
import { testImage } from '../../../support/test-image';

let bench: ImageBench;
let registry: FakeRegistry;
const silent: Silent[] = [];

/** A host to which a connection can be begun and that says nothing, as one whose packets are dropped in the TLS handshake. */
interface Silent {
  readonly host: string;
  dialled: number;
  stop(): Promise<unknown>;
}

async function silentHost(port = 0): Promise<Silent> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    host.dialled++;
    sockets.push(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const host: Silent = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    dialled: 0,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
  silent.push(host);
  return host;
}

const image = testImage(['one', 'two', 'three', 'four', 'five', 'six']);
const other = testImage(['seven']);
const DIAL = 'dial_timeout = "50ms"';
const mirrored = (mirror: string, more = ''): string =>
  `server = "${registry.url}"\n[host."https://${mirror}"]\n${DIAL}\n${more}`;

beforeEach(async () => {
  bench = await ImageBench.start();
  registry = await bench.registry();
  registry.addImage('a/b', '1', image);
  registry.addImage('c', '1', other);
});
afterEach(async () => {
  for (const host of silent.splice(0)) await host.stop().catch(() => undefined);
  expect(bench.fake.leftovers()).toEqual({});
  await bench.stop();
});

describe('A host that cannot be reached', () => {
  it('is dialled once in a pull of many layers, and not by the pulls that follow', async () => {
    const mirror = await silentHost();
    bench.hosts('registry.test', mirrored(mirror.host));
    await bench.pull('registry.test/a/b:1');
    expect(mirror.dialled).toBe(1);
    await bench.pull('registry.test/c:1');
    expect(mirror.dialled).toBe(1);
  });

  it('is dialled once when it has to do with blobs only', async () => {
    const mirror = await silentHost();
    bench.hosts('registry.test', mirrored(mirror.host, 'capabilities = ["pull"]'));
    await bench.pull('registry.test/a/b:1');
    expect(mirror.dialled).toBe(1);
  });

  it.each([
    ['each of several mirrors', 2],
    ['each of many mirrors', 4],
  ])('is dialled once: %s', async (_what, count) => {
    const mirrors = await Promise.all(Array.from({ length: count }, () => silentHost()));
    const tables = mirrors.map(({ host }) => `[host."https://${host}"]\n${DIAL}`).join('\n');
    bench.hosts('registry.test', `server = "${registry.url}"\n${tables}`);
    await bench.pull('registry.test/a/b:1');
    await bench.pull('registry.test/c:1');
    expect(mirrors.map(({ dialled }) => dialled)).toEqual(mirrors.map(() => 1));
  });

  it('is dialled once where a mirror redirects blobs to it', async () => {
    const [storage, mirror] = [await silentHost(), await bench.registry()];
    mirror.addImage('a/b', '1', image);
    mirror.interceptors.push(({ path }, response) => {
      if (!path.includes('/blobs/')) return false;
      response.writeHead(307, { Location: `https://${storage.host}${path}` }).end();
      return true;
    });
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."${mirror.url}"]\n${DIAL}`);
    await bench.pull('registry.test/a/b:1');
    expect(storage.dialled).toBe(1);
  });

  it('is dialled once where it is the token server of a mirror', async () => {
    const [tokens, mirror] = [await silentHost(), await bench.registry()];
    mirror.auth = { kind: 'token', realm: `https://${tokens.host}/token` };
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."${mirror.url}"]\n${DIAL}`);
    await bench.pull('registry.test/a/b:1');
    await bench.pull('registry.test/c:1');
    expect(tokens.dialled).toBe(1);
  });

  it('is dialled by the next pull again when nothing else is left to ask', async () => {
    const mirror = await silentHost();
    bench.hosts('registry.test', `server = "https://${mirror.host}"\n${DIAL}`);
    for (const dialled of [1, 2]) {
      await expect(bench.pull('registry.test/a/b:1')).rejects.toMatchObject({
        kind: 'registry',
        message: expect.stringMatching(/connecting to .* took longer than 50 ms$/),
      });
      expect(mirror.dialled).toBe(dialled);
    }
  });

  it('is not waited for by the next pull when another one says that there is no such image', async () => {
    const mirror = await silentHost();
    bench.hosts('registry.test', mirrored(mirror.host));
    for (const _each of [1, 2]) {
      await expect(bench.pull('registry.test/none:1')).rejects.toMatchObject({
        kind: 'other',
        message: expect.stringMatching(/took longer than 50 ms; .*answered 404/),
      });
    }
    expect(mirror.dialled).toBe(1);
  });

  it('is dialled by the next pull when it was found out at once that it is not there', async () => {
    const gone = await silentHost();
    await gone.stop();
    bench.hosts('registry.test', mirrored(gone.host));
    await bench.pull('registry.test/a/b:1');
    const back = await silentHost(Number(gone.host.split(':')[1]));
    await bench.pull('registry.test/c:1');
    expect(back.dialled).toBe(1);
  });

  it('does not keep a pull from being given up', async () => {
    const mirror = await silentHost();
    bench.hosts('registry.test', `server = "https://${mirror.host}"`);
    const leaving = new AbortController();
    const pull = bench.pull('registry.test/a/b:1', { signal: leaving.signal });
    const givenUp = expect(pull).rejects.toThrow('kubelet has gone');
    await until('the host is dialled', () => mirror.dialled === 1);
    leaving.abort(new Error('kubelet has gone'));
    await givenUp;
    bench.hosts('registry.test', mirrored(mirror.host));
    await bench.pull('registry.test/c:1');
    expect(mirror.dialled).toBe(2); // a pull that was given up has not found out that the host is dead
  });
});

describe('A host that fails each request', () => {
  it.each([429, 500, 503])('is tried as often as the rule says once in a pull, when it answers %s', async (status) => {
    const mirror = await bench.registry();
    mirror.interceptors.push((_seen, response) => {
      response.writeHead(status).end();
      return true;
    });
    bench.hosts('registry.test', `server = "${registry.url}"\n[host."${mirror.url}"]`);
    await bench.pull('registry.test/a/b:1');
    const asked = mirror.requests.map(({ method, path }) => `${method} ${path}`);
    const counts = [...new Set(asked)].map((each) => asked.filter((one) => one === each).length);
    expect(counts.filter((times) => times > 1)).toEqual([3]);
  });
});
