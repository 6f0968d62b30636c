import type { LogFields, Logger } from '../../../../src/base/logger';
import { inSteps, type Step } from '../../../../src/base/work/steps';

describe('inSteps', () => {
  let done: string[];
  let logged: [string, LogFields | undefined][];
  let caller: AbortController;

  beforeEach(() => {
    done = [];
    logged = [];
    caller = new AbortController();
  });

  const log: Logger = {
    debugEnabled: false,
    debug: () => undefined,
    info: () => undefined,
    warn: (message, fields) => logged.push([message, fields]),
    error: (message, fields) => logged.push([message, fields]),
    child: () => log,
  };
  const did = (what: string) => (): string => {
    done.push(what);
    return what;
  };
  const fails = (what: string) => (): never => {
    done.push(what);
    throw new Error(what);
  };

  function run<T>(story: (step: Step) => Promise<T>, options: { undoTimeoutMs?: number; stuck?: () => unknown } = {}) {
    return inSteps({ signal: caller.signal, log, stuck: did('stuck'), ...options }, story);
  }

  it('says how long each step took, to whoever logs such things', async () => {
    const debug: [string, LogFields | undefined][] = [];
    const detailed = {
      ...log,
      debugEnabled: true,
      debug: (...line: [string, LogFields?]) => void debug.push([line[0], line[1]]),
    };
    const answer = await inSteps({ signal: caller.signal, log: detailed }, (step) => step('first', did('make 1')));
    expect({ answer, debug }).toEqual({
      answer: 'make 1',
      debug: [['did a step', { step: 'first', ms: expect.any(Number) }]],
    });
  });

  it('answers what the story answers, and undoes nothing', async () => {
    const answer = await run(async (step) => {
      const first = await step('first', did('make 1'), did('undo 1'));
      const second = await step('second', async () => did('make 2')(), did('undo 2'));
      return [first, second];
    });
    expect(answer).toEqual(['make 1', 'make 2']);
    expect(done).toEqual(['make 1', 'make 2']);
    expect(logged).toEqual([]);
  });

  it('undoes the last step first, the one that failed as well, and throws its error', async () => {
    const story = run(async (step) => {
      await step('first', did('make 1'), did('undo 1'));
      await step('without an undo', did('look'));
      await step('second', fails('broken'), did('undo 2'));
      await step('third', did('make 3'), did('undo 3'));
    });
    await expect(story).rejects.toThrow('broken');
    expect(done).toEqual(['make 1', 'look', 'broken', 'undo 2', 'undo 1']);
    expect(logged).toEqual([['a step failed, undoing', { step: 'second', error: 'broken' }]]);
  });

  it('leaves it to whoever logs the error to say which step failed, and tells so before it undoes anything', async () => {
    const onFailed = (step: string): void => void done.push(`failed: ${step}`);
    const story = inSteps({ signal: caller.signal, log, onFailed }, async (step) => {
      await step('first', did('make 1'), did('undo 1'));
      await step('second', fails('broken'));
    });
    await expect(story).rejects.toThrow('broken');
    expect(done).toEqual(['make 1', 'broken', 'failed: second', 'undo 1']);
    expect(logged).toEqual([]);
  });

  it('undoes what was done when the story itself throws between its steps', async () => {
    const story = run(async (step) => {
      await step('first', did('make 1'), did('undo 1'));
      throw new Error('between');
    });
    await expect(story).rejects.toThrow('between');
    expect(done).toEqual(['make 1', 'undo 1']);
  });

  it('throws the very error, not another one like it', async () => {
    const error = new Error('x');
    await expect(run((step) => step('first', () => Promise.reject(error)))).rejects.toBe(error);
  });

  it('begins no step when the caller has gone, and undoes those before', async () => {
    const story = run(async (step) => {
      await step(
        'first',
        () => {
          done.push('make 1');
          caller.abort(new Error('the caller left'));
        },
        did('undo 1'),
      );
      await step('second', did('make 2'), did('undo 2'));
    });
    await expect(story).rejects.toThrow('the caller left');
    expect(done).toEqual(['make 1', 'undo 1']);
  });

  it('undoes nothing when the caller had gone before the first step', async () => {
    caller.abort(new Error('left'));
    await expect(run((step) => step('first', did('make 1'), did('undo 1')))).rejects.toThrow('left');
    expect(done).toEqual([]);
  });

  it('gives an undo a signal of its own, which the caller does not fire', async () => {
    let seen: AbortSignal | undefined;
    const story = run((step) =>
      step(
        'first',
        () => {
          caller.abort();
          throw new Error('broken');
        },
        (signal) => {
          seen = signal;
        },
      ),
    );
    await expect(story).rejects.toThrow('broken');
    expect(seen?.aborted).toBe(false);
  });

  it.each([
    ['throws', (): never => fails('undo 2')()],
    ['rejects', async (): Promise<never> => fails('undo 2')()],
  ])('takes nothing else apart when an undo %s, and says that something is left', async (_how, undo) => {
    const story = run(async (step) => {
      await step('first', did('make 1'), did('undo 1'));
      await step('second', did('make 2'), undo);
      await step('third', fails('broken'), did('undo 3'));
    });
    await expect(story).rejects.toThrow('broken');
    expect(done).toEqual(['make 1', 'make 2', 'broken', 'undo 3', 'undo 2', 'stuck']);
    expect(logged.at(-1)).toEqual(['an undo failed; what is left stays listed', { step: 'second', error: 'undo 2' }]);
  });

  it('waits for what lists the rest before it answers', async () => {
    const stuck = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      done.push('listed');
    };
    const story = run((step) => step('first', fails('broken'), fails('undo')), { stuck });
    await expect(story).rejects.toThrow('broken');
    expect(done).toEqual(['broken', 'undo', 'listed']);
  });

  it('throws the first error even when the rest cannot be listed', async () => {
    const story = run((step) => step('first', fails('broken'), fails('undo')), { stuck: fails('stuck') });
    await expect(story).rejects.toThrow('broken');
    expect(logged.at(-1)).toEqual(['what is left could not be listed', { error: 'stuck' }]);
  });

  describe('together', () => {
    const later = (what: string) => async (): Promise<string> => {
      await new Promise((resolve) => setImmediate(resolve));
      return did(what)();
    };

    it('answers what each branch answers, in their order', async () => {
      const answer = await inSteps({ signal: caller.signal, log }, (step, together) =>
        together(
          () => step('slow', later('slow')),
          async () => `${await step('a', did('a'))} ${await step('b', did('b'))}`,
        ),
      );
      expect(answer).toEqual(['slow', 'a b']);
      expect(done).toEqual(['a', 'b', 'slow']);
    });

    it('waits for what is under way when a branch fails, begins nothing more, and then undoes all', async () => {
      const story = inSteps({ signal: caller.signal, log }, async (step, together) => {
        await step('first', did('make 1'), did('undo 1'));
        await together(
          async () => {
            await step('slow', later('make slow'), did('undo slow'));
            await step('never', did('never'), did('undo never'));
          },
          () => step('broken', fails('broken'), did('undo broken')),
        );
      });
      await expect(story).rejects.toThrow('broken');
      expect(done).toEqual(['make 1', 'broken', 'make slow', 'undo broken', 'undo slow', 'undo 1']);
      expect(logged).toEqual([['a step failed, undoing', { step: 'broken', error: 'broken' }]]);
    });
  });

  it('needs nobody to be told', async () => {
    const story = run((step) => step('first', fails('broken'), fails('undo')), { stuck: undefined });
    await expect(story).rejects.toThrow('broken');
  });

  it('lists what is left as soon as an undo is late, and ends when that undo does', async () => {
    let end: () => void = () => undefined;
    const hanging = new Promise<void>((resolve) => {
      end = resolve;
    });
    jest.useFakeTimers();
    try {
      const story = run(
        async (step) => {
          await step('first', did('make 1'), did('undo 1'));
          await step('second', fails('broken'), () => hanging);
        },
        { undoTimeoutMs: 1000 },
      );
      const rejected = expect(story.finally(did('ended'))).rejects.toThrow('broken');
      await jest.advanceTimersByTimeAsync(1000);
      expect(done).toEqual(['make 1', 'broken', 'stuck']);
      end();
      await rejected;
    } finally {
      jest.useRealTimers();
    }
    expect(done).toEqual(['make 1', 'broken', 'stuck', 'ended']);
    expect(logged.at(-1)?.[1]).toEqual({ step: 'second', error: 'undoing "second" took longer than 1000 ms' });
  });
});
