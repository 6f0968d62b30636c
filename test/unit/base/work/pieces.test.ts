import { atOnce, eachOf, inTurns, type Pieces } from '../../../../src/base/work/pieces';

/** Work of so many pieces, each of which keeps the processor busy. */
function* work(pieces: number, ms: number, done: () => void = () => undefined): Pieces<string> {
  for (let at = 0; at < pieces; at++) {
    if (at > 0) yield;
    const end = performance.now() + ms;
    while (performance.now() < end);
    done();
  }
  return 'done';
}

/** How many turns of the event loop began while `act` ran. */
async function turnsOf(act: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let going = true;
  const tick = (): void => {
    turns += 1;
    if (going) setImmediate(tick);
  };
  setImmediate(tick);
  await act();
  going = false;
  return turns;
}

describe('eachOf', () => {
  it('goes through all items in order, a thousand in a piece', () => {
    const items = Array.from({ length: 2049 }, (_, at) => at);
    const seen: number[] = [];
    const going = eachOf(items, (item, at) => seen.push(item, at));
    expect(going.next().done).toBe(false);
    expect(seen).toHaveLength(2048);
    atOnce(going);
    expect(seen).toEqual(items.flatMap((item) => [item, item]));
  });

  it('has one piece for few items, and one for none', () => {
    expect(eachOf([1], () => undefined).next().done).toBe(true);
    expect(eachOf([], () => undefined).next().done).toBe(true);
  });
});

describe('inTurns', () => {
  it('does little work in the turn in which it is asked for', async () => {
    expect(await turnsOf(() => inTurns(work(3, 0)))).toBeLessThanOrEqual(1);
  });

  it('gives the event loop back while much work goes on', async () => {
    let answer = '';
    const turns = await turnsOf(async () => {
      answer = await inTurns(work(20, 3));
    });
    expect(answer).toBe('done');
    expect(turns).toBeGreaterThanOrEqual(8);
  });

  it('shares each turn among all work', async () => {
    const order: number[] = [];
    await Promise.all([0, 1].map((which) => inTurns(work(10, 3, () => order.push(which)))));
    expect(order.lastIndexOf(0) > order.indexOf(1)).toBe(true);
    expect(order.indexOf(1)).toBeLessThan(6);
  });

  it('rejects with what the work throws', async () => {
    const failing = work(3, 0, () => {
      throw new RangeError('no');
    });
    await expect(inTurns(failing)).rejects.toThrow(new RangeError('no'));
  });
});
