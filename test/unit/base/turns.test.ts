import { Turns } from '../../../src/base/turns';

/** Keeps the processor busy. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** How many of the works each turn of the event loop had. */
async function worksOfTurns(count: number, ms: number): Promise<number[]> {
  const turns = new Turns();
  const works: number[] = [0];
  let going = true;
  const tick = (): void => {
    works.push(0);
    if (going) setImmediate(tick);
  };
  setImmediate(tick);
  const order: number[] = [];
  const all = Array.from({ length: count }, async (_, index) => {
    const turn = turns.enter();
    if (turn) await turn;
    work(ms);
    order.push(index);
    works[works.length - 1] = (works.at(-1) ?? 0) + 1;
  });
  await Promise.all(all);
  going = false;
  expect(order).toEqual([...order.keys()]);
  return works.filter((each) => each > 0);
}

describe('Turns', () => {
  it('leave one call at once to itself', () => {
    expect(new Turns().enter()).toBeUndefined();
  });

  it('divide calls that take long among turns of the event loop, first come, first served', async () => {
    const works = await worksOfTurns(20, 10);
    expect(works.length).toBeGreaterThanOrEqual(10);
    expect(Math.max(...works)).toBeLessThanOrEqual(2);
  });

  it('have many short calls in one turn', async () => {
    expect((await worksOfTurns(50, 0)).length).toBeLessThanOrEqual(5);
  });
});
