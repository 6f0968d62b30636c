import { freshWork } from '../../../../src/base/work/fresh-work';

/** Work whose every run is ended by hand; `begun` has the end of each. */
function work(): { ask: () => Promise<number>; begun: ((outcome: number | Error) => void)[] } {
  const begun: ((outcome: number | Error) => void)[] = [];
  const act = (): Promise<number> =>
    new Promise((resolve, reject) => {
      begun.push((outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
    });
  return { ask: freshWork(act), begun };
}

describe('Fresh work', () => {
  it('is begun at once when none is under way', async () => {
    const { ask, begun } = work();
    const first = ask();
    expect(begun).toHaveLength(1);
    begun[0]?.(1);
    expect(await first).toBe(1);
    await new Promise(setImmediate);
    const second = ask();
    begun[1]?.(2);
    expect(await second).toBe(2);
  });

  it('is begun once more for all who ask meanwhile, when what is under way has ended', async () => {
    const { ask, begun } = work();
    const first = ask();
    const others = [ask(), ask(), ask()];
    expect(begun).toHaveLength(1);
    begun[0]?.(1);
    expect(await first).toBe(1);
    const late = ask(); // between the end of one and the beginning of the next
    await new Promise(setImmediate);
    expect(begun).toHaveLength(2);
    begun[1]?.(2);
    expect(await Promise.all([...others, late])).toEqual([2, 2, 2, 2]);
    expect(begun).toHaveLength(2);
  });

  it('that fails does so for those who asked, and for no later one', async () => {
    const { ask, begun } = work();
    const first = ask();
    const second = ask();
    begun[0]?.(new Error('no'));
    await expect(first).rejects.toThrow('no');
    await new Promise(setImmediate);
    begun[1]?.(2);
    expect(await second).toBe(2);
  });
});
