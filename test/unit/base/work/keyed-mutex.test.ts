import { KeyedMutex } from '../../../../src/base/work/keyed-mutex';

/** Lets everything that can go on go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('KeyedMutex', () => {
  let mutex: KeyedMutex;
  let events: string[];

  beforeEach(() => {
    mutex = new KeyedMutex();
    events = [];
  });

  /** Waits for the lock and says so; `release` gives it back. */
  function enter(name: string, key = 'a', signal?: AbortSignal): { release(): void; outcome: Promise<string> } {
    let release = (): void => undefined;
    const outcome = mutex.hold(key, signal).then(
      (held) => {
        events.push(name);
        release = held.release;
        return 'held';
      },
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    return { release: () => release(), outcome };
  }

  it('lets in one at a time, first come first served', async () => {
    const all = ['first', 'second', 'third'].map((name) => enter(name));
    for (const [index, { release }] of all.entries()) {
      await settle();
      expect(events).toHaveLength(index + 1);
      release();
    }
    await settle();
    expect(events).toEqual(['first', 'second', 'third']);
  });

  it('does not let one key wait for another', async () => {
    enter('a');
    enter('b', 'b');
    await settle();
    expect(events).toEqual(['a', 'b']);
    expect(mutex.size).toBe(2);
  });

  it('keeps nothing of a key that is given back', async () => {
    const first = enter('first');
    const second = enter('second');
    await settle();
    first.release();
    await settle();
    expect(mutex.size).toBe(1);
    second.release();
    expect(mutex.size).toBe(0);
  });

  it('is given back by await using, also when the block throws', async () => {
    const failing = async (): Promise<void> => {
      await using _held = await mutex.hold('a');
      throw new Error('inside');
    };
    await expect(failing()).rejects.toThrow('inside');
    expect(mutex.size).toBe(0);
  });

  it('lets in nobody twice when it is given back twice', async () => {
    const held = await mutex.hold('a');
    enter('second');
    enter('third');
    held.release();
    held.release();
    await settle();
    held.release();
    await settle();
    expect(events).toEqual(['second']);
  });

  it('rejects with the reason of a signal that has fired, and disturbs nobody', async () => {
    const gone = enter('gone', 'a', AbortSignal.abort(new Error('too late')));
    expect(await gone.outcome).toBe('too late');
    await settle();
    expect(events).toEqual([]);
    expect(mutex.size).toBe(0);
  });

  it('gives up a place in the queue without letting the next one in early', async () => {
    const holder = enter('holder');
    const leaving = new AbortController();
    const left = enter('left', 'a', leaving.signal);
    enter('behind');
    await settle();
    leaving.abort(new Error('the caller left'));
    expect(await left.outcome).toBe('the caller left');
    await settle();
    expect(events).toEqual(['holder']);
    holder.release();
    await settle();
    expect(events).toEqual(['holder', 'behind']);
  });

  it('stays held when the only one that waits gives up', async () => {
    const holder = enter('holder');
    const leaving = new AbortController();
    const left = enter('left', 'a', leaving.signal);
    await settle();
    leaving.abort(new Error('the caller left'));
    await left.outcome;
    const late = enter('late');
    await settle();
    expect(events).toEqual(['holder']);
    holder.release();
    await settle();
    expect(events).toEqual(['holder', 'late']);
    late.release();
    await settle();
    expect(mutex.size).toBe(0);
  });

  it('forgets a key whose last waiter gave up, once it is given back', async () => {
    const holder = enter('holder');
    const left = enter('left', 'a', AbortSignal.abort(new Error('left')));
    await left.outcome;
    await settle();
    holder.release();
    await settle();
    expect(mutex.size).toBe(0);
  });

  it('does not mind a signal that fires while the lock is held', async () => {
    const leaving = new AbortController();
    const holder = enter('holder', 'a', leaving.signal);
    await settle();
    leaving.abort(new Error('left'));
    expect(await holder.outcome).toBe('held');
    enter('behind');
    await settle();
    expect(events).toEqual(['holder']);
  });

  describe('run', () => {
    const limits = (caller = new AbortController().signal) => ({ caller, ms: 60_000, what: 'the work' });
    /** Work that ends when it is told to, whatever its signal says. */
    const stubborn = () => {
      let end: () => void = () => undefined;
      let told: AbortSignal | undefined;
      const done = new Promise<void>((resolve) => {
        end = resolve;
      });
      const act = async (signal: AbortSignal): Promise<void> => {
        told = signal;
        await done;
        events.push('the work has ended');
      };
      return { act, end: () => end(), told: () => told };
    };

    it('answers the outcome, and gives the lock back', async () => {
      expect(await mutex.run('a', limits(), async () => 5)).toBe(5);
      const failing = mutex.run('a', limits(), () => {
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(mutex.size).toBe(0);
    });

    it('answers a caller that leaves at once, tells the work nothing, and holds the lock until it has ended', async () => {
      const left = new AbortController();
      const work = stubborn();
      const running = mutex.run('a', limits(left.signal), work.act);
      await settle();
      left.abort(new Error('left'));
      await expect(running).rejects.toThrow('left');
      const next = mutex.run('a', limits(), async () => events.push('the next'));
      await settle();
      expect([events, work.told()?.aborted]).toEqual([[], false]);
      work.end();
      await next;
      expect(events).toEqual(['the work has ended', 'the next']);
    });

    it('answers when the time is up, tells the work so, and holds the lock until it has ended', async () => {
      const work = stubborn();
      const running = mutex.run('a', { ...limits(), ms: 1 }, work.act);
      await expect(running).rejects.toThrow('the work took longer than 1 ms');
      expect([work.told()?.aborted, mutex.isHeld('a')]).toEqual([true, true]);
      work.end();
      await settle();
      expect(mutex.size).toBe(0);
    });

    it('lets a caller leave that still waits for the lock', async () => {
      enter('first');
      const left = new AbortController();
      const waiting = mutex.run('a', limits(left.signal), async () => events.push('ran'));
      left.abort(new Error('left'));
      await expect(waiting).rejects.toThrow('left');
      expect(events).toEqual(['first']);
    });
  });
});
