import { setImmediate as turn } from 'node:timers/promises';
import { DividedWork, TURN_MS } from '../../../../src/base/work/divided-work';

const MOST = Array.from({ length: 6 }, (_, at) => at);

describe('Pieces of work', () => {
  /** Six pieces that are asked for at once, each of so many milliseconds. */
  function sixOf(ms: number) {
    let now = 0;
    const pieces = new DividedWork(() => now);
    const done: number[] = [];
    const work = (at: number): number => {
      now += ms;
      done.push(at);
      return at;
    };
    const all = Promise.all(MOST.map((at) => pieces.run(() => work(at))));
    return { all, done };
  }

  it.each([
    ['none has time', TURN_MS, [1, 2, 3]],
    ['two have time', TURN_MS / 2, [2, 4, 6]],
    ['all have time', 0, [6, 6, 6]],
  ])('are done in order, and wait for the next turn when %s beside the first', async (_what, ms, counts) => {
    const { all, done } = sixOf(ms);
    const seen = [done.length];
    for (let at = 1; at < counts.length; at++) {
      await turn();
      seen.push(done.length);
    }
    expect(seen).toEqual(counts);
    expect(await all).toEqual(MOST);
    expect(done).toEqual(MOST);
  });

  it('that fail do so for those who have asked for them', async () => {
    const pieces = new DividedWork(() => performance.now() * 1e6);
    const fails = (): never => {
      throw new Error('no');
    };
    const asked = [pieces.run(fails), pieces.run(fails), pieces.run(async () => fails()), pieces.run(() => 5)];
    const ends = await Promise.allSettled(asked);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
  });
});
