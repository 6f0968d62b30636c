import { randomBytes } from 'node:crypto';
import { inParts, type PartSource } from '../../../../src/images/pull/blob-parts';
import type { FakeRegistry } from '../../../support/fake-registry';
import { ImageBench } from '../../../support/image-bench';
import { testImage } from '../../../support/test-image';

const KIB = 1024;

describe('inParts', () => {
  const BLOB = randomBytes(10);
  const whole = { from: 0n, size: 10n, partBytes: 3 };

  /** A source of the blob with so many slots besides; `asked` notes what was asked for, in order. */
  function source(slots: number, asked: string[] = []): PartSource & { free: number } {
    return {
      free: slots,
      takeSlot() {
        if (this.free === 0) return undefined;
        this.free--;
        return () => {
          this.free++;
        };
      },
      part: async (from, to) => {
        asked.push(`${from}-${to}`);
        await new Promise((resolve) => setImmediate(resolve));
        return BLOB.subarray(Number(from), Number(to));
      },
    };
  }

  async function all(parts: AsyncIterable<Buffer>): Promise<Buffer> {
    const got: Buffer[] = [];
    for await (const part of parts) got.push(part);
    return Buffer.concat(got);
  }

  it.each([0, 1, 2, 9])(
    'gives the blob in its order with %i slots besides its own, and gives them back',
    async (slots) => {
      const asked: string[] = [];
      const from = source(slots, asked);
      expect(await all(inParts(from, whole))).toEqual(BLOB);
      expect(asked).toEqual(['0-3', '3-6', '6-9', '9-10']);
      expect(from.free).toBe(slots);
    },
  );

  it('gives what follows a place in the blob', async () => {
    expect(await all(inParts(source(1), { ...whole, from: 4n }))).toEqual(BLOB.subarray(4));
    expect(await all(inParts(source(1), { ...whole, from: 10n }))).toEqual(Buffer.alloc(0));
  });

  it('gives up the other parts when one fails, and when the reader leaves', async () => {
    const signals: AbortSignal[] = [];
    const hanging = source(2);
    hanging.part = (from, _to, signal) => {
      signals.push(signal);
      if (from === 3n) return Promise.reject(new Error('broken'));
      return from === 0n
        ? Promise.resolve(BLOB.subarray(0, 3))
        : new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    await expect(all(inParts(hanging, whole))).rejects.toThrow('broken');
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    expect(hanging.free).toBe(2);
    for await (const _part of inParts(hanging, whole)) break;
    expect(hanging.free).toBe(2);
  });
});

describe('A pull in parts', () => {
  let bench: ImageBench;
  let registry: FakeRegistry;
  const big = testImage([randomBytes(300 * KIB), 'small']);
  const [layer] = big.layers;

  beforeEach(async () => {
    bench = await ImageBench.start();
    registry = await bench.registry();
    registry.addImage('app', '1', big);
    bench.puller = bench.makePuller({ layerPartBytes: 64 * KIB });
  });
  afterEach(async () => {
    expect(bench.fake.leftovers()).toEqual({});
    await bench.stop();
  });

  const requests = () => registry.requests.filter(({ path }) => path.endsWith(layer?.digest ?? ''));
  const ranges = () => requests().map(({ headers }) => headers.range);
  const pull = () => bench.pull(`${registry.host}/app:1`);

  it('asks for the parts of a big layer, and for the whole of a small one', async () => {
    await pull();
    const last = (layer?.size ?? 0) - 1;
    const parts = [0, 1, 2, 3, 4].map((at) => `bytes=${at * 64 * KIB}-${Math.min((at + 1) * 64 * KIB - 1, last)}`);
    expect(ranges()).toEqual(parts);
    const small = registry.requests.find(({ path }) => path.endsWith(big.layers[1]?.digest ?? ''));
    expect(small?.headers.range).toBeUndefined();
    expect(bench.fake.state.blobs.get(layer?.digest ?? '')?.data).toEqual(layer?.data);
  });

  it('has as many on their way at once as downloads are allowed', async () => {
    let [now, most] = [0, 0];
    registry.interceptors.push(async ({ headers }, response) => {
      if (!headers.range) return false;
      most = Math.max(most, ++now);
      response.once('close', () => now--);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return false;
    });
    await pull();
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('takes the whole from a registry that sends no parts', async () => {
    registry.interceptors.push(({ path, headers }, response) => {
      if (!headers.range || !path.endsWith(layer?.digest ?? '')) return false;
      response.writeHead(200, { 'content-length': String(layer?.size) }).end(layer?.data);
      return true;
    });
    await pull();
    expect(ranges().at(-1)).toBeUndefined();
    expect(bench.fake.state.blobs.get(layer?.digest ?? '')?.data).toEqual(layer?.data);
  });

  it('takes up a part that broke off where it did', async () => {
    let broken = false;
    registry.interceptors.push(({ headers }, response) => {
      if (broken || !headers.range?.startsWith(`bytes=${128 * KIB}-`)) return false;
      broken = true;
      response.writeHead(206, { 'content-range': `bytes ${128 * KIB}-${192 * KIB - 1}/*`, 'content-length': '9999' });
      response.write('x', () => response.destroy());
      return true;
    });
    await pull();
    expect(broken).toBe(true);
    expect(bench.fake.state.blobs.get(layer?.digest ?? '')?.data).toEqual(layer?.data);
  });

  it('refuses another part than it has asked for', async () => {
    registry.interceptors.push(({ headers }, response) => {
      if (!headers.range) return false;
      response.writeHead(206, { 'content-range': 'bytes 7-8/9' }).end('xx');
      return true;
    });
    await expect(pull()).rejects.toThrow('sent another part of the blob than was asked for');
  });
});
