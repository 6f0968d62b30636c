import { inFlight } from '../../bench/in-flight';

describe('work in flight', () => {
  it('is done for every item, so many at a time, and answered in the items’ order', async () => {
    let now = 0;
    let most = 0;
    const results = await inFlight([5, 1, 4, 2, 3], 2, async (item) => {
      most = Math.max(most, ++now);
      for (let i = 0; i < item; i++) await Promise.resolve();
      now -= 1;
      return item * 10;
    });
    expect({ results, most }).toEqual({ results: [50, 10, 40, 20, 30], most: 2 });
  });

  it('begins nothing more after an error, and fails with it once what was begun has ended', async () => {
    const ended: number[] = [];
    const work = inFlight([1, 2, 3, 4], 2, async (item) => {
      if (item === 1) throw new Error('one');
      await new Promise((resolve) => setImmediate(resolve));
      ended.push(item);
    });
    await expect(work).rejects.toThrow('one');
    expect(ended).toEqual([2]);
  });
});
