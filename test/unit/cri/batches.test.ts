import { setImmediate as turn } from 'node:timers/promises';
import { TURN_MS } from '../../../src/base/work/divided-work';
import { batches } from '../../../src/cri/batches';
import { collect } from '../rpc/rpc-rig';

const bytesOf = async (items: readonly Buffer[]): Promise<Buffer[]> =>
  (await collect(batches(items, (item) => item))).map(({ parts }) => Buffer.concat(parts));
const numbered = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, at) => Buffer.from([at >> 8, at & 0xff]));
const sizes = async (count: number): Promise<number[]> =>
  (await bytesOf(numbered(count))).map(({ length }) => length / 2);

describe('batches', () => {
  it('have at most 500 items and at least one', async () => {
    expect(await sizes(0)).toEqual([]);
    expect(await sizes(1)).toEqual([1]);
    expect(await sizes(500)).toEqual([500]);
    expect(await sizes(1201)).toEqual([500, 500, 201]);
  });

  it('have each item once, in order', async () => {
    expect(Buffer.concat(await bytesOf(numbered(1201)))).toEqual(Buffer.concat(numbered(1201)));
  });

  it('are full when they have a megabyte, also of few items', async () => {
    const items = [700, 400, 2100, 100].map((kib) => Buffer.alloc(kib * 1024));
    expect((await bytesOf(items)).map(({ length }) => length / 1024)).toEqual([1100, 2100, 100]);
  });

  it('of many callers share each turn of the event loop', async () => {
    let encoded = 0;
    const slow = (item: Buffer): Buffer => {
      for (const since = performance.now(); performance.now() - since <= TURN_MS; );
      encoded++;
      return item;
    };
    const all = Promise.all([1, 2, 3].map(() => collect(batches(numbered(2), slow))));
    const most = 3 * 2;
    let before = encoded;
    for (let turns = 0; turns < most && encoded < most; turns++) {
      await turn();
      expect(encoded - before).toBeLessThanOrEqual(1);
      before = encoded;
    }
    await all;
    expect(encoded).toBe(most);
  });
});
