import { SharedWork } from '../../../../src/base/work/shared-work';

const never = new AbortController().signal;

/** Something that a test ends when it likes. */
function later<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((yes) => {
    resolve = yes;
  });
  return { promise, resolve };
}

describe('SharedWork', () => {
  it('does once what several ask for, and anew what is asked for later', async () => {
    const shared = new SharedWork<number>();
    let calls = 0;
    const act = async (): Promise<number> => ++calls;
    expect(await Promise.all([shared.run('k', never, act), shared.run('k', never, act)])).toEqual([1, 1]);
    expect(await shared.run('k', never, act)).toBe(2);
    expect(await Promise.all([shared.run('k', never, act), shared.run('other', never, act)])).toEqual([3, 4]);
  });

  it('fails for all callers that wait, and not for the next', async () => {
    const shared = new SharedWork<string>();
    const fail = (): Promise<string> => Promise.reject(new Error('failed'));
    const both = [shared.run('k', never, fail), shared.run('k', never, fail)];
    for (const each of both) await expect(each).rejects.toThrow('failed');
    expect(await shared.run('k', never, async () => 'fine')).toBe('fine');
  });

  it('is stopped when the last caller has left, which waits until it has stopped', async () => {
    const shared = new SharedWork<string>();
    const cleared = later<void>();
    let stopped = false;
    const act = (signal: AbortSignal): Promise<string> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          stopped = true;
          void cleared.promise.then(() => reject(signal.reason));
        });
      });
    const [first, second] = [new AbortController(), new AbortController()];
    const one = shared.run('k', first.signal, act);
    const two = shared.run('k', second.signal, act);
    first.abort(new Error('first gone'));
    await expect(one).rejects.toThrow('first gone');
    expect(stopped).toBe(false);
    second.abort(new Error('second gone'));
    let settled = false;
    const outcome = two.catch((error: unknown) => {
      settled = true;
      return error;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([stopped, settled]).toEqual([true, false]);
    cleared.resolve();
    expect(await outcome).toMatchObject({ message: 'second gone' });
  });

  it('begins anew for a caller that comes while it is being stopped', async () => {
    const shared = new SharedWork<string>();
    const controller = new AbortController();
    const cleared = later<string>();
    const first = shared.run('k', controller.signal, () => cleared.promise);
    controller.abort(new Error('gone'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await shared.run('k', never, async () => 'anew')).toBe('anew');
    cleared.resolve('too late');
    await expect(first).rejects.toThrow('gone');
  });
});
