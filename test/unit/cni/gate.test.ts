import { Gate } from '../../../src/cni/gate';

describe('Gate', () => {
  /** Something that goes on until it is told to end. */
  const open = (log: string[], name: string) => {
    let end: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    const act = async (): Promise<void> => {
      log.push(`${name} in`);
      await done;
      log.push(`${name} out`);
    };
    return { act, end };
  };
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('lets many in at once, then one alone, then again many', async () => {
    const log: string[] = [];
    const gate = new Gate();
    const [a, b, alone, late] = ['a', 'b', 'alone', 'late'].map((name) => open(log, name));
    if (!a || !b || !alone || !late) throw new Error('missing');
    const all = [gate.shared(a.act), gate.shared(b.act), gate.exclusive(alone.act), gate.shared(late.act)];
    await settle();
    a.end();
    await settle();
    b.end();
    await settle();
    expect(log).toEqual(['a in', 'b in', 'a out', 'b out', 'alone in']);
    alone.end();
    late.end();
    await Promise.all(all);
    expect(log.slice(5)).toEqual(['alone out', 'late in', 'late out']);
  });

  it('opens again when what was alone has failed', async () => {
    const gate = new Gate();
    await expect(
      gate.exclusive(async () => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await gate.shared(async () => 1)).toBe(1);
    expect(await gate.exclusive(async () => 2)).toBe(2);
  });
});
