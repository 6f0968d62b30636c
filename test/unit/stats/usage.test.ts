import fc from 'fast-check';
import { uint64, usageOf, workingSet } from '../../../src/stats/usage';

const AT = 5n;
const MAX = 2n ** 64n - 1n;

describe('usageOf', () => {
  it('leaves unset what is not known', () => {
    expect(usageOf({}, AT, 1n)).toEqual({});
    expect(usageOf({ io: { devices: [] } }, AT, 1n)).toEqual({});
  });

  it('gives CPU time, and a rate once there is one', () => {
    const cpu = { usageNs: 7n };
    expect(usageOf({ cpu }, AT, undefined)).toEqual({ cpu: { timestamp: AT, usageCoreNanoSeconds: { value: 7n } } });
    expect(usageOf({ cpu }, AT, 0n).cpu?.usageNanoCores).toEqual({ value: 0n });
  });

  it.each<[string, bigint | undefined, bigint | undefined, bigint, bigint]>([
    ['a limit', 1000n, 30n, 70n, 930n],
    ['no limit', undefined, 30n, 70n, 0n],
    ['the limit of cgroup v1 that means none', 2n ** 63n - 4096n, 30n, 70n, 0n],
    ['the limit of cgroup v2 that means none', MAX, 30n, 70n, 0n],
    ['a limit below what is used', 50n, 30n, 70n, 0n],
    ['more inactive pages than usage', 1000n, 130n, 0n, 1000n],
    ['unknown inactive pages', 1000n, undefined, 100n, 900n],
  ])('gives memory with %s', (_, limit, inactiveFile, working, available) => {
    const { memory } = usageOf({ memory: { usage: 100n, limit, inactiveFile } }, AT, undefined);
    expect(memory).toEqual({
      timestamp: AT,
      usageBytes: { value: 100n },
      workingSetBytes: { value: working },
      availableBytes: { value: available },
    });
  });

  it('gives the details of memory that are known', () => {
    const { memory } = usageOf({ memory: { usage: 1n, rss: 2n, pageFaults: 3n, majorPageFaults: 0n } }, AT, undefined);
    expect(memory).toMatchObject({
      rssBytes: { value: 2n },
      pageFaults: { value: 3n },
      majorPageFaults: { value: 0n },
    });
  });

  it.each([
    ['a limit', 100n, 70n],
    ['swap turned off', 0n, 0n],
    ['no limit', MAX, 0n],
  ])('gives swap with %s', (_, swapLimit, available) => {
    expect(usageOf({ memory: { usage: 1n, swapUsage: 30n, swapLimit } }, AT, undefined).swap).toEqual({
      timestamp: AT,
      swapUsageBytes: { value: 30n },
      swapAvailableBytes: { value: available },
    });
  });

  it('gives pressure by its CRI names', () => {
    const psi = { some: { avg10: 1, avg60: 2, avg300: 3, totalNs: 4n } };
    const Some = { Avg10: 1, Avg60: 2, Avg300: 3, Total: 4n };
    const usage = usageOf({ cpu: { usageNs: 1n, psi }, io: { devices: [], psi } }, AT, undefined);
    expect([usage.cpu?.psi, usage.io]).toEqual([{ Some }, { timestamp: AT, psi: { Some } }]);
  });
});

describe('uint64', () => {
  it('stays within 64 bits', () => {
    expect([-1n, 0n, MAX, MAX + 1n].map((value) => uint64(value).value)).toEqual([0n, 0n, MAX, MAX]);
  });
});

describe('workingSet', () => {
  it('is never negative and never more than the usage', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX }), fc.bigInt({ min: 0n, max: MAX }), (usage, inactiveFile) => {
        const working = workingSet({ usage, inactiveFile });
        return working >= 0n && working <= usage;
      }),
    );
  });
});
