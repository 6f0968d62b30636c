import { DownloadSlots } from '../../../../src/images/pull/download-slots';
import { Progress } from '../../../../src/images/registry/progress';

const never = new AbortController().signal;

/** Something that a test ends when it likes. */
function later<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

describe('Progress', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('gives up when a request is under way and nothing arrives', () => {
    using progress = new Progress(never, 1000);
    progress.begin();
    jest.advanceTimersByTime(999);
    expect(progress.signal.aborted).toBe(false);
    jest.advanceTimersByTime(2);
    expect(progress.signal.reason).toMatchObject({ kind: 'registry' });
  });

  it('goes on as long as something arrives, in whichever request', () => {
    using progress = new Progress(never, 1000);
    progress.begin();
    const other = progress.begin();
    for (let at = 0; at < 10; at++) {
      jest.advanceTimersByTime(900);
      other.moved(1);
    }
    expect([progress.signal.aborted, progress.bytes]).toEqual([false, 10]);
  });

  it('stands still while no request is under way', () => {
    using progress = new Progress(never, 1000);
    const first = progress.begin();
    first.end();
    first.end(); // twice is once
    jest.advanceTimersByTime(10_000);
    expect(progress.signal.aborted).toBe(false);
    progress.begin();
    jest.advanceTimersByTime(999);
    expect(progress.signal.aborted).toBe(false);
    jest.advanceTimersByTime(2);
    expect(progress.signal.aborted).toBe(true);
  });

  it('has no limit when that is 0', () => {
    using progress = new Progress(never, 0);
    progress.begin();
    jest.advanceTimersByTime(1e9);
    expect(progress.signal.aborted).toBe(false);
  });

  it('fires with the reason of its parent, also when that has fired before', () => {
    const controller = new AbortController();
    using progress = new Progress(controller.signal, 1000);
    const gone = new Error('gone');
    controller.abort(gone);
    expect(progress.signal.reason).toBe(gone);
    using late = new Progress(controller.signal, 1000);
    expect(late.signal.reason).toBe(gone);
  });

  it('leaves no timer behind', () => {
    const progress = new Progress(never, 1000);
    progress.begin();
    progress[Symbol.dispose]();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('DownloadSlots', () => {
  it('lets so many run at once and the others wait their turn', async () => {
    const slots = new DownloadSlots(2);
    const order: string[] = [];
    const works = ['a', 'b', 'c'].map((name) => ({ name, work: later<void>() }));
    const runs = works.map(({ name, work }) =>
      slots.run(never, () => {
        order.push(name);
        return work.promise;
      }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['a', 'b']);
    works[1]?.work.reject(new Error('no matter'));
    await expect(runs[1]).rejects.toThrow('no matter');
    expect(order).toEqual(['a', 'b', 'c']);
    for (const { work } of works) work.resolve();
    await Promise.all([runs[0], runs[2]]);
  });

  it('lets go of who does not want to wait any longer', async () => {
    const slots = new DownloadSlots(1);
    const first = later<void>();
    const running = slots.run(never, () => first.promise);
    const controller = new AbortController();
    const waiting = slots.run(controller.signal, async () => undefined);
    const gone = new Error('gone');
    controller.abort(gone);
    await expect(waiting).rejects.toBe(gone);
    await expect(slots.run(controller.signal, async () => undefined)).rejects.toBe(gone);
    first.resolve();
    await running;
    expect(await slots.run(never, async () => 'free again')).toBe('free again');
  });

  it('keeps within the slots around it', async () => {
    const around = new DownloadSlots(1);
    const [one, two] = [new DownloadSlots(5, around), new DownloadSlots(5, around)];
    let most = 0;
    let now = 0;
    const act = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
    };
    await Promise.all([one.run(never, act), two.run(never, act), one.run(never, act)]);
    expect(most).toBe(1);
  });
});
