import { setImmediate as turn } from 'node:timers/promises';
import { EncodedItems } from '../../../src/state/encoded-items';

const BUSY_MS = 6;

describe('EncodedItems', () => {
  /** Items of which each takes longer to encode than calls may keep a turn. */
  function slowItems(count: number) {
    const encoded: number[] = [];
    const items = Array.from({ length: count }, (_, at) => ({ at, status: {} }));
    const list = new EncodedItems<{ at: number; status: object }>(({ at }) => {
      for (const since = performance.now(); performance.now() - since < BUSY_MS; );
      encoded.push(at);
      return Uint8Array.of(at);
    });
    return { list, items, encoded };
  }

  it('are encoded one in a turn of the event loop, once for all who ask', async () => {
    const { list, items, encoded } = slowItems(4);
    const answers = Promise.all([list.answer(items), list.answer(items)]);
    const seen = [encoded.length];
    for (let at = 0; at < 3; at++) {
      await turn();
      seen.push(encoded.length);
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(await answers).toEqual([[Buffer.from([0, 1, 2, 3])], [Buffer.from([0, 1, 2, 3])]]);
    expect(encoded).toEqual([0, 1, 2, 3]);
  });

  it('are encoded again once their status has been replaced, and no other', async () => {
    const { list, items, encoded } = slowItems(2);
    await list.answer(items);
    const [, second] = items;
    if (second) second.status = {};
    await list.answer(items);
    expect(encoded).toEqual([0, 1, 1]);
  });

  it('that are large are not copied', async () => {
    const large = new Uint8Array(600_000);
    const list = new EncodedItems<{ status: object }>(() => large);
    const parts = await list.answer([{ status: {} }, { status: {} }]);
    expect(parts.map(({ buffer }) => buffer === large.buffer)).toEqual([true, true]);
  });
});
