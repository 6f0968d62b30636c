import { silentLogger } from '../../../src/base/logger';
import { ContainerdError } from '../../../src/containerd/errors';
import type { SnapshotInfo } from '../../../src/containerd/snapshots';
import { Code } from '../../../src/rpc/code';
import { SnapshotterUsage } from '../../../src/sampler/snapshotter-usage';

type Deps = ConstructorParameters<typeof SnapshotterUsage>[0];
type Usage = { size: bigint; inodes: bigint };

/** A snapshotter with two active snapshots, and the walks of them that were asked for. */
function setUp(answer: (key: string, timeoutMs: number) => Promise<Usage | undefined>) {
  const infos = new Map<string, SnapshotInfo['kind']>([
    ['slow', 'ACTIVE'],
    ['quick', 'ACTIVE'],
  ]);
  const walks: { key: string; timeoutMs: number }[] = [];
  const warnings: unknown[] = [];
  const snapshots = {
    list: async () => [...infos].map(([name, kind]) => ({ name, kind })),
    usage: ({ key }: { key: string }, { timeoutMs }: { timeoutMs: number }) => {
      walks.push({ key, timeoutMs });
      return answer(key, timeoutMs);
    },
  };
  const deps = {
    containerd: { snapshots },
    containers: { list: () => [] },
    sandboxes: { get: () => undefined },
    log: { ...silentLogger, warn: (_message: string, fields: unknown) => void warnings.push(fields) },
  } as unknown as Deps;
  const usage = new SnapshotterUsage(deps, 'overlayfs', new AbortController().signal);
  const walksOf = (key: string): number[] => walks.filter((walk) => walk.key === key).map(({ timeoutMs }) => timeoutMs);
  return { usage, infos, warnings, walksOf };
}

const ONE: Usage = { size: 4096n, inodes: 1n };
const late = (): Promise<never> => Promise.reject(new ContainerdError(Code.DEADLINE_EXCEEDED, 'late', 'Usage'));

describe('A round over the snapshots of one snapshotter', () => {
  it('asks a snapshot that hangs no second time while the first question is under way', async () => {
    let answer: (usage: Usage) => void = () => undefined;
    const slow = new Promise<Usage>((resolve) => {
      answer = resolve;
    });
    const { usage, walksOf, warnings } = setUp(async (key) => (key === 'slow' ? slow : ONE));
    for (let rounds = 0; rounds < 4; rounds++) await usage.measure();
    expect([walksOf('slow').length, walksOf('quick').length]).toEqual([1, 4]);
    expect(usage.layer('slow')).toBeUndefined();
    expect(usage.sum()).toMatchObject(ONE);
    expect(warnings).toHaveLength(1);
    // It took minutes; the answer counts all the same, with the time at which it was asked for.
    const askedBefore = usage.sum().timestamp;
    answer({ size: 9n, inodes: 2n });
    await new Promise((resolve) => setImmediate(resolve));
    expect(usage.sum()).toMatchObject({ size: 4105n, inodes: 3n });
    expect(usage.layer('slow')?.timestamp).toBeLessThanOrEqual(askedBefore);
  });

  it('gives a walk that did not end in time twice as long, so that one over millions of files ends', async () => {
    const { usage, walksOf } = setUp(async (key, timeoutMs) => (key === 'slow' && timeoutMs < 60_000 ? late() : ONE));
    for (let rounds = 0; rounds < 5; rounds++) await usage.measure();
    expect(walksOf('slow')).toEqual([10_000, 20_000, 40_000, 80_000, 80_000]);
    expect(walksOf('quick')).toEqual([10_000, 10_000, 10_000, 10_000, 10_000]);
    expect(usage.layer('slow')).toMatchObject(ONE);
  });

  it('never gives it more than an hour, and the first time again once the snapshot was removed', async () => {
    const { usage, infos, walksOf } = setUp(async (key) => (key === 'slow' ? late() : ONE));
    for (let rounds = 0; rounds < 12; rounds++) await usage.measure();
    expect(walksOf('slow').at(-1)).toBe(3_600_000);
    infos.delete('slow');
    await usage.measure();
    infos.set('slow', 'ACTIVE');
    await usage.measure();
    expect(walksOf('slow').at(-1)).toBe(10_000);
  });

  it('measures a committed snapshot once, and forgets what is gone', async () => {
    const { usage, infos, walksOf } = setUp(async () => ONE);
    infos.set('slow', 'COMMITTED');
    await usage.measure();
    await usage.measure();
    expect([walksOf('slow').length, walksOf('quick').length]).toEqual([1, 2]);
    infos.delete('quick');
    await usage.measure();
    expect(usage.layer('quick')).toBeUndefined();
    expect(usage.sum()).toMatchObject(ONE);
  });

  it('is over in seconds, however many snapshots hang', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const { usage, infos } = setUp((key) => (key === 'quick' ? Promise.resolve(ONE) : new Promise(() => undefined)));
      for (let at = 0; at < 500; at++) infos.set(`hangs${at}`, 'ACTIVE');
      let over = false;
      const round = usage.measure().then(() => {
        over = true;
      });
      await jest.advanceTimersByTimeAsync(6000);
      expect(over).toBe(true);
      await round;
      expect(usage.sum()).toMatchObject(ONE);
    } finally {
      jest.useRealTimers();
    }
  });
});
