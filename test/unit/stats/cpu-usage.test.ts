import { CpuRates, nanoCores } from '../../../src/stats/cpu-usage';

const SECOND = 1_000_000_000n;
const at = (seconds: number, usage: bigint) => ({ timestamp: BigInt(seconds * 1e9), usage });

describe('nanoCores', () => {
  it.each([
    ['one CPU for a second', at(1, 0n), at(2, SECOND), SECOND],
    ['half a CPU for ten seconds', at(0, SECOND), at(10, 6n * SECOND), SECOND / 2n],
    ['an idle second', at(1, 7n), at(2, 7n), 0n],
    ['no sample before', undefined, at(2, 7n), undefined],
    ['no time passed', at(2, 1n), at(2, 7n), undefined],
    ['a clock set back', at(3, 1n), at(2, 7n), undefined],
    ['a counter that began anew', at(1, 9n), at(2, 7n), undefined],
  ])('gives the rate for %s', (_, before, now, rate) => {
    expect(nanoCores(before, now)).toBe(rate);
  });
});

describe('CpuRates', () => {
  it('has a rate from the second sample on', () => {
    const rates = new CpuRates();
    expect(rates.rate('a')).toBeUndefined();
    expect(rates.sample('a', at(1, 0n))).toBeUndefined();
    expect(rates.sample('a', at(2, SECOND))).toBe(SECOND);
    expect([rates.rate('a'), rates.rate('b')]).toEqual([SECOND, undefined]);
  });

  it('answers the same rate to requests in quick succession, and measures over the whole time after', () => {
    const rates = new CpuRates();
    rates.sample('a', at(1, 0n));
    rates.sample('a', at(2, SECOND));
    expect(rates.sample('a', at(2.1, SECOND + 1n))).toBe(SECOND);
    expect(rates.sample('a', at(4, 2n * SECOND))).toBe(SECOND / 2n);
  });

  it('begins anew with a new task under the same id, and after it was forgotten', () => {
    const rates = new CpuRates();
    rates.sample('a', at(1, SECOND));
    expect(rates.sample('a', at(1.1, 5n))).toBeUndefined();
    expect(rates.sample('a', at(2.1, 5n + SECOND))).toBe(SECOND);
    rates.forget('a');
    expect(rates.sample('a', at(9, 9n * SECOND))).toBeUndefined();
  });
});
