import { BlobTurns, MOST_LOOKS, PATIENCE_MS, REST_WITHIN_MS } from '../../../src/images/pull/blob-turns';
import { DownloadSlots, SLOT_PATIENCE_MS } from '../../../src/images/pull/download-slots';
import { Authorizer } from '../../../src/images/registry/authorizer';
import { TrustStore } from '../../../src/images/registry/certificates';
import { HttpClient } from '../../../src/images/registry/http';
import { ANSWER_BYTES, Progress, TRICKLE_BYTES_PER_S, TRICKLE_MS } from '../../../src/images/registry/progress';
import { upstreamHost } from '../../../src/images/registry/registry-host';
import { ImageConfigs } from '../../../src/images/store/image-configs';
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

  it('goes on with one that is as slow as may be, and with one of many small answers', () => {
    expect(pulled(TRICKLE_BYTES_PER_S + 10, 10_000).aborted).toBe(false);
    expect(pulled(1, ANSWER_BYTES / TRICKLE_BYTES_PER_S - 1, true).aborted).toBe(false);
  });

  const tooFew = [ANSWER_BYTES / TRICKLE_BYTES_PER_S + 1, 9 * 60];
  it.each(tooFew)('gives up one that gets a small answer each %s s', (perRequest) => {
    expect(pulled(1 / perRequest, perRequest, true).aborted).toBe(true);
  });
});

describe('BlobTurns', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const SIZE = 99_999n;
  const blob = { digest: 'a', size: SIZE };

  /** Whether a second pull fetches the blob beside the first, of which `next` bytes come before each look. */
  async function isBeside(next: (rest: bigint) => bigint, isWhole = false): Promise<boolean> {
    const turns = new BlobTurns(1000);
    const coming = { position: 0n, complete: isWhole };
    const first = await turns.take(blob, never);
    first.watch(coming);
    let beside = false;
    const second = turns.take(blob, never).then((turn) => {
      beside = turn.beside;
      turn[Symbol.dispose]();
    });
    for (let look = 0; look <= MOST_LOOKS; look++) {
      coming.position += next(SIZE - coming.position);
      coming.complete ||= coming.position === SIZE;
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

  it('waits for a download whose rest is here within a minute, and then for containerd', async () => {
    const share = BigInt(REST_WITHIN_MS / PATIENCE_MS) + 1n;
    expect(await isBeside(() => SIZE / share)).toBe(false);
    expect(await isBeside(() => 0n, true)).toBe(false);
  });

  it.each<[string, (rest: bigint) => bigint]>([
    ['brings a byte less than that', () => SIZE / 3n - 1n],
    ['brings nothing', () => 0n],
    ['is always said to be here soon, and is not', (rest) => (rest * 2n) / 5n],
    ['is begun anew', (rest) => (rest === SIZE ? SIZE / 2n : -1n)],
    ['has sent more than the blob has', () => SIZE + 1n],
  ])('does not wait for one that %s', async (_what, next) => {
    expect(await isBeside(next)).toBe(true);
  });

  it('does not wait for a large layer that comes at 17 KiB/s', async () => {
    const large = { digest: 'large', size: 100n << 20n };
    const turns = new BlobTurns();
    const first = await turns.take(large, never);
    const coming = { position: 0n, complete: false };
    first.watch(coming);
    const second = turns.take(large, never);
    for (let at = 0; at <= PATIENCE_MS / 1000; at++) {
      coming.position += 17n << 10n;
      await jest.advanceTimersByTimeAsync(1000);
    }
    expect((await second).beside).toBe(true);
    first[Symbol.dispose]();
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

describe('DownloadSlots that are never free', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('let a pull run one download after the other beside them, after one wait', async () => {
    const around = new DownloadSlots(1);
    let letGo: () => void = () => undefined;
    const held = around.run(never, () => new Promise<void>((resolve) => (letGo = resolve)));
    const own = new DownloadSlots(3, around);
    const ends: (() => void)[] = [];
    const act = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
    const all = [own.run(never, act), own.run(never, act), own.run(never, act)];
    await jest.advanceTimersByTimeAsync(SLOT_PATIENCE_MS - 1);
    expect(ends).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(1);
    for (let begun = 1; begun <= 3; begun++) {
      expect(ends).toHaveLength(begun);
      ends[begun - 1]?.();
      await jest.advanceTimersByTimeAsync(1);
    }
    all.push(own.run(never, act));
    await jest.advanceTimersByTimeAsync(1);
    expect(ends).toHaveLength(4);
    ends[3]?.();
    await Promise.all(all);
    letGo();
    await held;
    expect([around.tryTake() !== undefined, around.tryTake(), jest.getTimerCount()]).toEqual([true, undefined, 0]);
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
