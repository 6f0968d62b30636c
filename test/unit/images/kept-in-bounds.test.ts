import { Authorizer } from '../../../src/images/authorizer';
import { BlobTurns, PATIENCE_BYTES_PER_S } from '../../../src/images/blob-turns';
import { TrustStore } from '../../../src/images/certificates';
import { DownloadSlots } from '../../../src/images/download-slots';
import { HttpClient } from '../../../src/images/http';
import { ImageConfigs } from '../../../src/images/image-configs';
import { Progress, TRICKLE_BYTES_PER_S, TRICKLE_MS } from '../../../src/images/progress';
import { upstreamHost } from '../../../src/images/registry-host';
import type { ImageConfig } from '../../../src/model/image';
import { FakeRegistry } from '../../support/fake-registry';

const never = new AbortController().signal;

describe('Progress', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  /** A pull of which so many bytes arrive each second, in requests of so many seconds, for the time and a second. */
  function pulled(bytes: number, perRequest: number, done = false): AbortSignal {
    using progress = new Progress(never, 60_000);
    let transfer = progress.begin();
    for (let second = 1; second <= TRICKLE_MS / 1000 + 1; second++) {
      jest.advanceTimersByTime(1000);
      transfer.moved(bytes);
      if (second % perRequest > 0) continue;
      if (done) transfer.done();
      transfer.end();
      transfer = progress.begin();
    }
    return progress.signal;
  }

  it.each([1, 7, 10_000])('gives up a pull that trickles, in requests of %s s', (perRequest) => {
    expect(pulled(TRICKLE_BYTES_PER_S - 1, perRequest).reason).toMatchObject({
      kind: 'registry',
      message: 'less than 1024 bytes a second have arrived from the registry for 600 s',
    });
  });

  it('goes on with one that is as slow as may be, and with one whose requests are answered in full', () => {
    expect(pulled(TRICKLE_BYTES_PER_S + 10, 10_000).aborted).toBe(false);
    expect(pulled(1, 60, true).aborted).toBe(false);
  });
});

describe('BlobTurns', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  /** Whether a second pull fetches a blob beside the first, of which so much comes in each look. */
  async function isBeside(perLook: bigint, complete = false): Promise<boolean> {
    const turns = new BlobTurns(1000);
    const coming = { position: 0n, complete };
    const first = await turns.take('a', never);
    first.watch(coming);
    const controller = new AbortController();
    let beside = false;
    const second = turns.take('a', controller.signal).then((turn) => {
      beside = turn.beside;
      turn[Symbol.dispose]();
    });
    for (let look = 0; look < 5; look++) {
      coming.position += perLook;
      await jest.advanceTimersByTimeAsync(1000);
    }
    const found = beside;
    first[Symbol.dispose]();
    await second;
    await jest.advanceTimersByTimeAsync(0);
    expect(turns.size).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
    return found;
  }

  it('waits for a download as long as it gets on', async () => {
    expect(await isBeside(BigInt(PATIENCE_BYTES_PER_S))).toBe(false);
    expect(await isBeside(0n, true)).toBe(false);
  });

  it('does not wait for one that hardly gets on', async () => {
    expect(await isBeside(BigInt(PATIENCE_BYTES_PER_S - 1))).toBe(true);
  });
});

describe('DownloadSlots', () => {
  it('let a pull that has none run one download beside the others, and no second one', async () => {
    const around = new DownloadSlots(1);
    let letGo: () => void = () => undefined;
    const held = around.run(never, () => new Promise<void>((resolve) => (letGo = resolve)));
    const own = new DownloadSlots(3, around, 5);
    let running = 0;
    const ends: (() => void)[] = [];
    const act = (): Promise<void> => {
      running++;
      return new Promise((resolve) => ends.push(resolve));
    };
    const all = [own.run(never, act), own.run(never, act)];
    while (running === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, 50)); // ten times the patience
    expect(running).toBe(1);
    letGo();
    await held;
    while (running < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    for (const end of ends) end();
    await Promise.all(all);
    expect(around.tryTake()).toBeDefined();
    expect(around.tryTake()).toBeUndefined();
  });
});

describe('ImageConfigs', () => {
  const config = (user: string): ImageConfig => ({
    ...{ user, env: [], entrypoint: [], cmd: [], workingDir: '', labels: {}, volumes: [], stopSignal: '' },
  });

  it('keeps those used last, and reads the others again', async () => {
    const read: string[] = [];
    const content = {
      readAll: async (id: string) => {
        read.push(id);
        return Buffer.from(JSON.stringify({ config: { User: `${id} again` } }));
      },
    } as unknown as ConstructorParameters<typeof ImageConfigs>[0];
    const configs = new ImageConfigs(content, 400);
    for (const id of ['a', 'b']) configs.keep(id, config(id), 100);
    expect((await configs.of('a')).user).toBe('a');
    configs.keep('c', config('c'), 100); // 600 bytes: "b" goes
    expect([(await configs.of('a')).user, (await configs.of('c')).user, read]).toEqual(['a', 'c', []]);
    expect((await configs.of('b')).user).toBe('b again');
    configs.keep('big', config('big'), 201);
    await configs.of('big');
    expect(read).toEqual(['b', 'big']);
  });
});

describe('A challenge', () => {
  it.each([
    [16, true],
    [17, false],
  ])('with %s scopes', async (count, isMet) => {
    const registry = await FakeRegistry.start();
    const http = new HttpClient(new TrustStore({}), {});
    try {
      registry.auth = { kind: 'token' };
      const host = upstreamHost(registry.host, { plainFallback: true });
      const authorizer = new Authorizer({ http, host, credentials: undefined, scope: 'x', isSecure: () => false });
      const scope = Array.from({ length: count }, (_, at) => `s${at}`).join(' ');
      const headers = { 'www-authenticate': `Bearer realm="${registry.url}/token",scope="${scope}"` };
      const response = { headers, status: 401, url: new URL(registry.url) } as never;
      const met = authorizer.meet(response, undefined, never);
      if (isMet) expect(await met).toBe(true);
      else await expect(met).rejects.toThrow('asks for a token for more than 16 scopes');
      expect(registry.requests.map(({ query }) => query.getAll('scope').length)).toEqual(isMet ? [count] : []);
    } finally {
      http.close();
      await registry.stop();
    }
  });
});
