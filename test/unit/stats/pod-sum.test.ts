import { PodSums } from '../../../src/stats/pod-sum';

const part = (cpu: bigint, memory: bigint, more: { pageFaults?: bigint; threads?: bigint } = {}) => ({
  cpu: { usageNs: cpu },
  memory: { usage: memory, ...(more.pageFaults !== undefined && { pageFaults: more.pageFaults }) },
  ...(more.threads !== undefined && { pids: { current: more.threads } }),
});

describe('PodSums', () => {
  it('adds up what the parts of a pod use', () => {
    const parts = new Map([
      ['a', part(5n, 100n, { pageFaults: 1n, threads: 2n })],
      ['b', part(7n, 50n, { pageFaults: 3n, threads: 1n })],
    ]);
    expect(new PodSums().sum('p', parts)).toEqual({
      cpu: { usageNs: 12n },
      memory: { usage: 150n, pageFaults: 4n },
      pids: { current: 3n },
    });
  });

  it('knows nothing of a pod of whose parts nothing is known', () => {
    expect(new PodSums().sum('p', new Map([['a', undefined]]))).toEqual({});
  });

  it('goes on counting what a part had counted that has gone, and no memory of it', () => {
    const sums = new PodSums();
    sums.sum(
      'p',
      new Map([
        ['a', part(5n, 100n, { pageFaults: 2n })],
        ['b', part(7n, 50n)],
      ]),
    );
    expect(sums.sum('p', new Map([['b', part(8n, 60n)]]))).toEqual({
      cpu: { usageNs: 13n },
      memory: { usage: 60n, pageFaults: 2n },
    });
    const next = new Map([
      ['b', part(9n, 60n)],
      ['c', part(1n, 10n)],
    ]);
    expect(sums.sum('p', next).cpu).toEqual({ usageNs: 15n });
    expect(sums.sum('p', new Map())).toEqual({ cpu: { usageNs: 15n } });
  });

  it('counts a part whose values are not known now as it was last, once', () => {
    const sums = new PodSums();
    sums.sum('p', new Map([['a', part(5n, 100n)]]));
    expect(sums.sum('p', new Map([['a', undefined]]))).toEqual(part(5n, 100n));
    expect(sums.sum('p', new Map([['a', part(6n, 90n)]]))).toEqual(part(6n, 90n));
  });

  it('counts a part once that another sum of the same moment did not list any more', () => {
    const sums = new PodSums();
    const both = new Map([
      ['a', part(5n, 100n)],
      ['b', part(7n, 50n)],
    ]);
    const left = new Map([['b', part(7n, 50n)]]);
    for (const parts of [both, left, both, left]) expect(sums.sum('p', parts).cpu).toEqual({ usageNs: 12n });
  });

  it('keeps pods apart, and forgets one that is gone', () => {
    const sums = new PodSums();
    sums.sum('p', new Map([['a', part(5n, 100n)]]));
    expect(sums.sum('q', new Map()).cpu).toBeUndefined();
    sums.forget('p');
    expect(sums.sum('p', new Map([['b', part(1n, 1n)]]))).toEqual(part(1n, 1n));
  });

  it('counts a container that crashes ten thousand times, and remembers few of its lives', () => {
    const sums = new PodSums();
    for (let life = 0; life < 10_000; life++)
      sums.sum('p', new Map([[`a${life}`, part(3n, 100n, { pageFaults: 2n })]]));
    const now = sums.sum('p', new Map([['b', part(1n, 60n)]]));
    expect(now).toEqual({ cpu: { usageNs: 30_001n }, memory: { usage: 60n, pageFaults: 20_000n } });
    expect(sums.kept('p')).toBeLessThan(100);
  });
});
