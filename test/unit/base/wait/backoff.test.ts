import { Backoff, MAX_TIMER_MS, sleep } from '../../../../src/base/wait/backoff';

describe('Backoff', () => {
  it.each([
    ['doubles up to the longest time', { firstMs: 100, maxMs: 700 }, [100, 200, 400, 700, 700]],
    ['stays where it is when both are the same', { firstMs: 5, maxMs: 5 }, [5, 5, 5]],
  ])('%s', (_name, limits, times) => {
    const backoff = new Backoff(limits);
    expect(times.map(() => backoff.next())).toEqual(times);
  });

  it('starts again after a reset', () => {
    const backoff = new Backoff({ firstMs: 1, maxMs: 100 });
    for (let i = 0; i < 5; i++) backoff.next();
    backoff.reset();
    expect([backoff.next(), backoff.next()]).toEqual([1, 2]);
  });
});

describe('sleep', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('resolves when the time has passed, not before', async () => {
    let awake = false;
    const asleep = sleep(1000).then(() => {
      awake = true;
    });
    await jest.advanceTimersByTimeAsync(999);
    expect(awake).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await asleep;
  });

  it('rejects with the reason of the signal, and leaves no timer', async () => {
    const stop = new AbortController();
    const asleep = sleep(1000, stop.signal);
    stop.abort(new Error('stopping'));
    await expect(asleep).rejects.toThrow('stopping');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not begin when the signal has fired', async () => {
    await expect(sleep(1000, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves no listener behind on a signal that lives on', async () => {
    const { signal } = new AbortController();
    const removed = jest.spyOn(signal, 'removeEventListener');
    const asleep = sleep(10, signal);
    await jest.advanceTimersByTimeAsync(10);
    await asleep;
    expect(removed).toHaveBeenCalledTimes(1);
  });

  it('does not end at once because it is longer than a timer can be', async () => {
    let awake = false;
    void sleep(2 ** 40).then(() => {
      awake = true;
    });
    await jest.advanceTimersByTimeAsync(MAX_TIMER_MS - 1);
    expect(awake).toBe(false);
  });
});
