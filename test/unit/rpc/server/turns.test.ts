import { Turns } from '../../../../src/rpc/server/turns';

let now: number;
beforeEach(() => {
  now = 0;
});
afterEach(() => jest.restoreAllMocks());

/** Calls that come at once, each of which works for so many milliseconds; resolves with their order. */
async function calls(count: number, ms: number, began: () => void = () => undefined): Promise<number[]> {
  const turns = new Turns(() => now);
  const order: number[] = [];
  const all = Array.from({ length: count }, async (_, index) => {
    const turn = turns.enter();
    if (turn) await turn;
    now += ms;
    order.push(index);
    began();
  });
  await Promise.all(all);
  return order;
}

/** How many of the works each turn of the event loop had. */
async function worksOfTurns(count: number, ms: number): Promise<number[]> {
  const works: number[] = [0];
  let going = true;
  const tick = (): void => {
    works.push(0);
    if (going) setImmediate(tick);
  };
  setImmediate(tick);
  const order = await calls(count, ms, () => {
    works[works.length - 1] = (works.at(-1) ?? 0) + 1;
  });
  going = false;
  expect(order).toEqual([...order.keys()]);
  return works.filter((each) => each > 0);
}

describe('Turns', () => {
  it('leave one call at once to itself', () => {
    expect(new Turns().enter()).toBeUndefined();
  });

  it('divide calls that take long among turns of the event loop, first come, first served', async () => {
    expect(await worksOfTurns(20, 10)).toEqual(Array(20).fill(1));
  });

  it('begin another call for as long as the turn has time left', async () => {
    expect(await worksOfTurns(9, 2)).toEqual([3, 3, 3]);
  });

  it('have many short calls in one turn', async () => {
    expect(await worksOfTurns(50, 0)).toEqual([50]);
  });

  it('keep the order of more calls than are cut off the queue at once', async () => {
    const order = await calls(5000, 1);
    expect(order).toEqual([...Array(5000).keys()]);
  });

  it('cost each turn two callbacks, however many wait', async () => {
    const callbacks = jest.spyOn(globalThis, 'setImmediate');
    await calls(200, 10);
    expect(callbacks.mock.calls.length).toBeLessThanOrEqual(2 * 200 + 1);
  });
});
