import { Gate, GaveWay, NetworkGates } from '../../../src/cni/gate';

const never = new AbortController().signal;
const now = (): number => performance.now();
/** Longer than any of these tests takes. */
const LONG = { signal: never, patientUntil: now() + 600_000 };

describe('Gate', () => {
  let log: string[];
  let gate: Gate;
  beforeEach(() => {
    log = [];
    gate = new Gate();
  });

  /** Something that goes on until it is told to end, or until its signal fires. */
  const open = (name: string) => {
    let end: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    const act = async (signal?: AbortSignal): Promise<void> => {
      log.push(`${name} in`);
      await Promise.race([
        done,
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
      ]);
      log.push(`${name} out`);
    };
    return { act, end };
  };
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const soon = (): { signal: AbortSignal; waitMs: number } => ({ signal: never, waitMs: 20_000 });

  it('lets many in at once, then one alone, then again many', async () => {
    const [a, b, alone, late] = [open('a'), open('b'), open('alone'), open('late')];
    const all: Promise<unknown>[] = [gate.shared(a.act, LONG), gate.shared(b.act, LONG)];
    all.push(gate.exclusive(alone.act, soon()));
    await settle();
    a.end();
    await settle();
    b.end();
    await settle();
    expect(log).toEqual(['a in', 'b in', 'a out', 'b out', 'alone in']);
    all.push(gate.shared(late.act, { signal: never, patientUntil: now() + 600_000 }));
    await settle();
    alone.end();
    late.end();
    await Promise.all(all);
    expect(log.slice(5)).toEqual(['alone out', 'late in', 'late out']);
  });

  it('lets nobody wait for something exclusive that has not begun', async () => {
    const [slow, alone, late] = [open('slow'), open('alone'), open('late')];
    const first = gate.shared(slow.act, LONG);
    const exclusive = gate.exclusive(alone.act, soon());
    await settle();
    late.end();
    await gate.shared(late.act, LONG);
    expect(log).toEqual(['slow in', 'late in', 'late out']);
    slow.end();
    alone.end();
    expect(await exclusive).toBe(true);
    await first;
  });

  it('leaves out what is exclusive when others are inside for too long', async () => {
    const [slow, alone] = [open('slow'), open('alone')];
    const first = gate.shared(slow.act, LONG);
    expect(await gate.exclusive(alone.act, { signal: never, waitMs: 10 })).toBe(false);
    slow.end();
    await first;
    expect(log).toEqual(['slow in', 'slow out']);
  });

  it('tells what is exclusive to stop when somebody has waited long enough, and waits for its end', async () => {
    const [alone, late] = [open('alone'), open('late')];
    const exclusive = gate.exclusive(alone.act, soon());
    await settle();
    late.end();
    const passed = gate.shared(late.act, { signal: never, patientUntil: now() + 10 });
    await expect(exclusive).rejects.toBeInstanceOf(GaveWay);
    await passed;
    expect(log).toEqual(['alone in', 'late in', 'late out']);
  });

  it('ends each wait when its caller leaves, and disturbs nothing else', async () => {
    const left = new AbortController();
    const { signal } = left;
    const [slow, alone] = [open('slow'), open('alone')];
    const exclusive = gate.exclusive(slow.act, soon());
    await settle();
    const waits = [gate.shared(alone.act, { ...LONG, signal }), gate.exclusive(alone.act, { ...soon(), signal })];
    const outcomes = Promise.allSettled(waits);
    left.abort(new Error('left'));
    expect((await outcomes).map((each) => each.status === 'rejected' && each.reason.message)).toEqual(['left', 'left']);
    slow.end();
    expect(await exclusive).toBe(true);
    expect(log).toEqual(['slow in', 'slow out']);
  });

  it('passes the caller’s signal on to what is exclusive', async () => {
    const left = new AbortController();
    const exclusive = gate.exclusive(open('alone').act, { ...soon(), signal: left.signal });
    await settle();
    left.abort(new Error('left'));
    await expect(exclusive).rejects.toThrow('left');
  });

  it('opens again when what was alone has failed', async () => {
    const failing = gate.exclusive(async () => {
      throw new Error('no');
    }, soon());
    await expect(failing).rejects.toThrow('no');
    expect(await gate.shared(async () => 1, LONG)).toBe(1);
    expect(await gate.exclusive(async () => undefined, soon())).toBe(true);
  });

  it('is one for each network', async () => {
    const gates = new NetworkGates();
    const alone = open('alone');
    const exclusive = gates.of('a').exclusive(alone.act, soon());
    await settle();
    expect(await gates.of('b').shared(async () => 'passed', LONG)).toBe('passed');
    expect(gates.of('a')).toBe(gates.of('a'));
    alone.end();
    await exclusive;
  });
});
