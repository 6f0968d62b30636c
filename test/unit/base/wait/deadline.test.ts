import {
  asOnlyLimit,
  DeadlineError,
  delayed,
  isOnlyLimit,
  limitOf,
  unlessAborted,
  untilEnded,
  withDeadline,
  within,
} from '../../../../src/base/wait/deadline';

const never = (): Promise<never> => new Promise(() => undefined);

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

describe('limitOf', () => {
  const limits = (caller: AbortSignal, callerHasDeadline: boolean) => ({
    ...{ caller, callerHasDeadline, ms: 50, what: 'the stop' },
  });

  it('fires after its time for a caller without a deadline, whether that has left or not', () => {
    for (const caller of [new AbortController().signal, AbortSignal.abort()]) {
      const { signal } = limitOf(limits(caller, false));
      jest.advanceTimersByTime(49);
      expect(signal.aborted).toBe(false);
      jest.advanceTimersByTime(1);
      expect(signal.reason).toMatchObject({ name: 'DeadlineError', message: 'the stop took longer than 50 ms' });
    }
  });

  it('does not fire before a caller that has a deadline has left', () => {
    const caller = new AbortController();
    const { signal } = limitOf(limits(caller.signal, true));
    jest.advanceTimersByTime(1000);
    expect(signal.aborted).toBe(false);
    caller.abort();
    expect(signal.reason).toMatchObject({ message: 'the stop took longer than 50 ms' });
  });

  it('does not fire before its time either, for a caller that leaves sooner', () => {
    const { signal } = limitOf(limits(AbortSignal.abort(), true));
    jest.advanceTimersByTime(49);
    expect(signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(signal.aborted).toBe(true);
  });

  it.each([true, false])('fires no more when it is cancelled (%s)', (callerHasDeadline) => {
    const caller = new AbortController();
    const early = limitOf(limits(caller.signal, callerHasDeadline));
    early.cancel();
    jest.advanceTimersByTime(100);
    const late = limitOf(limits(caller.signal, true));
    jest.advanceTimersByTime(100);
    late.cancel();
    caller.abort();
    expect([early.signal.aborted, late.signal.aborted]).toEqual([false, false]);
  });

  it('marks its signal, and no other is marked', () => {
    using limit = limitOf(limits(new AbortController().signal, true));
    const { signal } = new AbortController();
    expect([limit.signal, signal, undefined].map(isOnlyLimit)).toEqual([true, false, false]);
    expect(isOnlyLimit(asOnlyLimit(signal))).toBe(true);
  });
});

describe('withDeadline', () => {
  it('fires when the time has passed, and says what was waited for', () => {
    const { signal } = withDeadline(undefined, 50, 'the command');
    jest.advanceTimersByTime(49);
    expect(signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(signal.reason).toBeInstanceOf(DeadlineError);
    expect(signal.reason).toMatchObject({ message: 'the command took longer than 50 ms' });
  });

  it('fires with its parent, for the reason of the parent', () => {
    const parent = new AbortController();
    const reason = new Error('the caller left');
    using deadline = withDeadline(parent.signal, 50, 'x');
    parent.abort(reason);
    expect(deadline.signal.reason).toBe(reason);
  });

  it('has fired from the start when its parent has', () => {
    const reason = new Error('gone');
    using deadline = withDeadline(AbortSignal.abort(reason), 50, 'x');
    expect(deadline.signal.reason).toBe(reason);
  });

  it('fires no more when it is cancelled, neither by time nor by its parent', () => {
    const parent = new AbortController();
    const deadline = withDeadline(parent.signal, 50, 'x');
    deadline.cancel();
    parent.abort();
    jest.advanceTimersByTime(100);
    expect(deadline.signal.aborted).toBe(false);
  });

  it('is cancelled at the end of the block that uses it', () => {
    {
      using _deadline = withDeadline(undefined, 50, 'x');
      expect(jest.getTimerCount()).toBe(1);
    }
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['30 days', 30 * 86_400_000],
    ['for ever', Number.POSITIVE_INFINITY],
    ['as long as an int64 of seconds', 9.2e21],
  ])('does not fire soon when it is to wait %s', (_name, ms) => {
    using deadline = withDeadline(undefined, ms, 'x');
    jest.advanceTimersByTime(20 * 86_400_000);
    expect(deadline.signal.aborted).toBe(false);
  });
});

describe('within', () => {
  it('answers what comes in time', async () => {
    expect(await within(50, 'x', async () => 'done')).toBe('done');
  });

  it('passes on a failure that comes in time', async () => {
    await expect(within(50, 'x', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });

  it('passes on what is thrown at once', async () => {
    const throwing = (): Promise<never> => {
      throw new Error('at once');
    };
    await expect(within(50, 'x', throwing)).rejects.toThrow('at once');
  });

  it('gives up on what does not listen to its signal', async () => {
    const late = expect(within(50, 'the plugin', never)).rejects.toThrow('the plugin took longer than 50 ms');
    await jest.advanceTimersByTimeAsync(50);
    await late;
  });

  it('gives up when the parent fires', async () => {
    const parent = new AbortController();
    const given = expect(within(50, 'x', never, parent.signal)).rejects.toThrow('left');
    parent.abort(new Error('left'));
    await given;
  });

  it('tells what it runs that the time is up', async () => {
    let seen: AbortSignal | undefined;
    const late = within(50, 'x', (signal) => {
      seen = signal;
      return never();
    }).catch(() => undefined);
    await jest.advanceTimersByTimeAsync(50);
    await late;
    expect(seen?.reason).toBeInstanceOf(DeadlineError);
  });

  it('does not mind a failure that comes too late', async () => {
    let fail: (error: Error) => void = () => undefined;
    const work = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    const late = within(50, 'x', () => work).catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(50);
    expect(await late).toBeInstanceOf(DeadlineError);
    fail(new Error('nobody is there to hear it'));
    await jest.advanceTimersByTimeAsync(0);
  });
});

describe('untilEnded', () => {
  it('tells the work that the time is up, and settles when the work does', async () => {
    const events: unknown[] = [];
    let end: (text: string) => void = () => undefined;
    const ended = untilEnded(50, 'x', (signal) => {
      signal.addEventListener('abort', () => events.push(signal.reason));
      return new Promise<string>((resolve) => {
        end = resolve;
      });
    }).then((answer) => events.push(answer));
    await jest.advanceTimersByTimeAsync(50);
    expect(events).toEqual([expect.any(DeadlineError)]);
    end('done');
    await ended;
    expect(events).toEqual([expect.any(DeadlineError), 'done']);
  });
});

describe('unlessAborted', () => {
  it('rejects at once when the signal has fired', async () => {
    await expect(unlessAborted(never(), AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });

  it('leaves no listener behind', async () => {
    const { signal } = new AbortController();
    const removed = jest.spyOn(signal, 'removeEventListener');
    expect(await unlessAborted(Promise.resolve(5), signal)).toBe(5);
    await jest.advanceTimersByTimeAsync(0);
    expect(removed).toHaveBeenCalledTimes(1);
  });
});

describe('delayed', () => {
  it('fires so long after its parent, for the reason of the parent', () => {
    const parent = new AbortController();
    using late = delayed(parent.signal, 50);
    jest.advanceTimersByTime(1000);
    parent.abort(new Error('the caller left'));
    jest.advanceTimersByTime(49);
    expect(late.signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(late.signal.reason).toMatchObject({ message: 'the caller left' });
  });

  it('counts from the start when its parent has fired', () => {
    using late = delayed(AbortSignal.abort(new Error('gone')), 50);
    expect(late.signal.aborted).toBe(false);
    jest.advanceTimersByTime(50);
    expect(late.signal.reason).toMatchObject({ message: 'gone' });
  });

  it('fires no more when it is cancelled, before or after its parent', () => {
    for (const order of ['before', 'after']) {
      const parent = new AbortController();
      const late = delayed(parent.signal, 50);
      if (order === 'after') parent.abort();
      late.cancel();
      parent.abort();
      jest.advanceTimersByTime(100);
      expect(late.signal.aborted).toBe(false);
    }
  });
});
