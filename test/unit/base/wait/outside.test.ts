import { getEventListeners } from 'node:events';
import { onAbort } from '../../../../src/base/wait/on-abort';
import { askOutside, fromOutside, type Told } from '../../../../src/base/wait/outside';

const LONG = { what: 'an answer', limitMs: 60_000 };
const SHORT = { what: 'an answer', limitMs: 1 };
const GONE = new Error('gone');

/** A wait in the test's hands: what was told it, and with what it was let go. */
function wait(limits: Parameters<typeof fromOutside>[0]) {
  const letGo: unknown[] = [];
  const late: unknown[] = [];
  let told: Told<string> = { answer: () => undefined, fail: () => undefined };
  const outcome = fromOutside<string>(
    limits,
    (given) => {
      told = given;
      return (why) => letGo.push(why);
    },
    (value) => late.push(value),
  );
  return { outcome, letGo, late, answer: (text: string) => told.answer(text), fail: (why: Error) => told.fail(why) };
}

describe('fromOutside', () => {
  it('answers what it is told, and lets go of nothing then', async () => {
    const { signal } = new AbortController();
    const { outcome, letGo, answer, fail } = wait({ ...LONG, signal });
    answer('yes');
    fail(new Error('too late'));
    expect(await outcome).toBe('yes');
    expect(letGo).toEqual([]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('rejects with the failure, and lets go once', async () => {
    const { outcome, letGo, fail } = wait(LONG);
    const broken = new Error('broken');
    fail(broken);
    fail(new Error('again'));
    await expect(outcome).rejects.toBe(broken);
    expect(letGo).toEqual([broken]);
  });

  it('rejects at its limit, and lets go', async () => {
    const { outcome, letGo } = wait(SHORT);
    await expect(outcome).rejects.toMatchObject({ name: 'DeadlineError', message: 'an answer took longer than 1 ms' });
    expect(letGo).toEqual([expect.objectContaining({ name: 'DeadlineError' })]);
  });

  it('rejects with the reason of the signal, and lets go', async () => {
    const controller = new AbortController();
    const { outcome, letGo } = wait({ ...LONG, signal: controller.signal });
    controller.abort(GONE);
    await expect(outcome).rejects.toBe(GONE);
    expect(letGo).toEqual([GONE]);
  });

  it('begins nothing when the signal has fired', async () => {
    let begun = false;
    const outcome = fromOutside({ ...LONG, signal: AbortSignal.abort(GONE) }, () => {
      begun = true;
      return () => undefined;
    });
    await expect(outcome).rejects.toBe(GONE);
    expect(begun).toBe(false);
  });

  it('hands an answer that comes after the end to whoever gives it back', async () => {
    const { outcome, late, answer, fail } = wait(LONG);
    fail(GONE);
    await expect(outcome).rejects.toBe(GONE);
    answer('a socket');
    expect(late).toEqual(['a socket']);
  });

  it('lets go also when it fails before it is known how', async () => {
    const letGo: unknown[] = [];
    const outcome = fromOutside(LONG, ({ fail }) => {
      fail(GONE);
      return (why) => letGo.push(why);
    });
    await expect(outcome).rejects.toBe(GONE);
    expect(letGo).toEqual([GONE]);
  });

  it('rejects with what beginning throws', async () => {
    const outcome = fromOutside(LONG, () => {
      throw GONE;
    });
    await expect(outcome).rejects.toBe(GONE);
  });
});

describe('askOutside', () => {
  it('tells whoever is asked that nobody waits any more', async () => {
    let told: AbortSignal | undefined;
    const late: string[] = [];
    let answer: (text: string) => void = () => undefined;
    const asked = askOutside(
      SHORT,
      (signal) => {
        told = signal;
        return new Promise<string>((resolve) => {
          answer = resolve;
        });
      },
      (value) => late.push(value),
    );
    await expect(asked).rejects.toMatchObject({ name: 'DeadlineError' });
    expect(told?.reason).toMatchObject({ name: 'DeadlineError' });
    answer('late');
    await new Promise((resolve) => setImmediate(resolve));
    expect(late).toEqual(['late']);
  });

  it('settles as the act does', async () => {
    expect(await askOutside(LONG, async () => 'yes')).toBe('yes');
    await expect(askOutside(LONG, () => Promise.reject(GONE))).rejects.toBe(GONE);
  });
});

describe('onAbort', () => {
  it('has one listener on a signal however many wait, and none when nobody does', () => {
    const controller = new AbortController();
    const { signal } = controller;
    const called: number[] = [];
    const stops = Array.from({ length: 5000 }, (_, at) => onAbort(signal, () => void called.push(at)));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (const stop of stops.slice(2)) stop();
    controller.abort();
    expect(called).toEqual([0, 1]);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const other = new AbortController().signal;
    onAbort(other, () => undefined)();
    expect(getEventListeners(other, 'abort')).toHaveLength(0);
  });

  it('calls the same function as often as it was given, and at once when the signal has fired', () => {
    const controller = new AbortController();
    let calls = 0;
    const act = (): void => void calls++;
    onAbort(controller.signal, act);
    onAbort(controller.signal, act);
    controller.abort();
    onAbort(controller.signal, act);
    expect(calls).toBe(3);
  });

  it('does not call what another has taken back meanwhile', () => {
    const controller = new AbortController();
    const called: string[] = [];
    let stop: () => void = () => undefined;
    onAbort(controller.signal, () => {
      called.push('first');
      stop();
    });
    stop = onAbort(controller.signal, () => void called.push('second'));
    controller.abort();
    expect(called).toEqual(['first']);
  });
});
