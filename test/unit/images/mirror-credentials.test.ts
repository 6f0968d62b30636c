import { DownloadSlots } from '../../../src/images/pull/download-slots';
import { credentialsFor } from '../../../src/images/registry/credentials';
import type { FakeRegistry } from '../../support/fake-registry';
import { ImageBench } from '../../support/image-bench';
import { testImage } from '../../support/test-image';

const secret = { username: 'user', password: 'secret' };

describe('credentials without a server address', () => {
  it.each([
    ['r.example', 'r.example', true],
    ['r.example', 'r.example:443', true],
    ['r.example:5000', 'r.example:5000', true],
    ['docker.io', 'registry-1.docker.io', true],
    ['r.example', 'mirror.example', false],
    ['r.example', 'r.example:5000', false],
    ['docker.io', 'mirror.example', false],
    ['r.example', 'registry-1.docker.io', false],
  ])('for an image of %s are shown to %s: %s', (domain, host, shown) => {
    expect(credentialsFor(secret, { host, domain }) !== undefined).toBe(shown);
  });

  it('are shown to a mirror only when they name it', () => {
    const at = { host: 'mirror.example', domain: 'r.example' };
    expect(credentialsFor({ ...secret, serverAddress: 'mirror.example' }, at)).toBeDefined();
    expect(credentialsFor({ ...secret, serverAddress: 'r.example' }, at)).toBeUndefined();
  });
});

describe('a pull through a mirror', () => {
  let bench: ImageBench;
  let mirror: FakeRegistry;
  let upstream: FakeRegistry;
  const image = testImage(['one', 'two']);

  beforeEach(async () => {
    bench = await ImageBench.start();
    mirror = await bench.registry();
    upstream = await bench.registry();
    for (const registry of [mirror, upstream]) registry.addImage('a/b', '1', image);
  });
  afterEach(() => bench.stop());

  const useMirror = (lines: string[] = []): void =>
    bench.hosts(upstream.host, [`server = "${upstream.url}"`, `[host."${mirror.url}"]`, ...lines].join('\n'));
  const authorizations = (registry: FakeRegistry): unknown[] =>
    registry.requests.map(({ headers }) => headers.authorization).filter((value) => value !== undefined);

  it('shows the credentials of the pull to the registry alone, though the mirror asks for them first', async () => {
    const basic = { kind: 'basic', ...secret } as const;
    mirror.auth = basic;
    upstream.auth = basic;
    useMirror();
    expect((await bench.pull(`${upstream.host}/a/b:1`, { auth: secret })).id).toBe(image.config.digest);
    expect(mirror.requests.length).toBeGreaterThan(0);
    expect(authorizations(mirror)).toEqual([]);
    expect(authorizations(upstream).length).toBeGreaterThan(0);
  });

  it("gives a mirror its own header, and not the pull's credentials beside it", async () => {
    const own = `Basic ${Buffer.from('mirror:own').toString('base64')}`;
    mirror.auth = { kind: 'basic', username: 'mirror', password: 'own' };
    useMirror([`[host."${mirror.url}".header]`, `authorization = "${own}"`]);
    await bench.pull(`${upstream.host}/a/b:1`, { auth: secret });
    expect(new Set(authorizations(mirror))).toEqual(new Set([own]));
    expect(upstream.requests).toEqual([]);
  });
});

describe('DownloadSlots', () => {
  /** How many run at once when each of `slots` is given four downloads. */
  async function mostAtOnce(slots: DownloadSlots[]): Promise<number> {
    const { signal } = new AbortController();
    let now = 0;
    let most = 0;
    const download = async (): Promise<void> => {
      most = Math.max(most, ++now);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      now--;
    };
    await Promise.all(slots.flatMap((each) => Array.from({ length: 4 }, () => each.run(signal, download))));
    return most;
  }

  it('are counted for each image', async () => {
    const all = new DownloadSlots(32);
    expect(await mostAtOnce([new DownloadSlots(2, all)])).toBe(2);
    expect(await mostAtOnce([new DownloadSlots(2, all), new DownloadSlots(2, all)])).toBe(4);
  });

  it('are never more together than those around them', async () => {
    const all = new DownloadSlots(3);
    const images = Array.from({ length: 4 }, () => new DownloadSlots(2, all));
    expect(await mostAtOnce(images)).toBe(3);
    expect(await mostAtOnce(images)).toBe(3);
  });
});
