import { DeadlineError } from '../../../src/base/wait/deadline';
import { patiently } from '../../../src/tasks/held-up';

const late = new DeadlineError('unmounting', 1);

/** A call that the kernel holds up for some waits. */
function heldUp(waits: number, error: unknown = late) {
  let calls = 0;
  const act = async (): Promise<number> => {
    calls += 1;
    if (calls <= waits) throw error;
    return calls;
  };
  return { act, calls: () => calls };
}

describe('patiently', () => {
  it('waits for the same call again until that has ended', async () => {
    expect(await patiently(new AbortController().signal, heldUp(3).act)).toBe(4);
  });

  it('passes on every other error at once', async () => {
    const { act, calls } = heldUp(3, new Error('busy'));
    await expect(patiently(new AbortController().signal, act)).rejects.toThrow('busy');
    expect(calls()).toBe(1);
  });

  it('gives up when its signal has fired', async () => {
    const { act, calls } = heldUp(3);
    await expect(patiently(AbortSignal.abort(), act)).rejects.toBe(late);
    expect(calls()).toBe(1);
  });
});
