import { median, quantile, summary, turns } from '../../bench/statistics';

describe('quantile', () => {
  it.each([
    [[5], 0.5, 5],
    [[1, 2], 0.5, 1.5],
    [[3, 1, 2], 0.5, 2],
    [[10, 0], 0.25, 2.5],
    [[4, 1, 3, 2], 1, 4],
    [[4, 1, 3, 2], 0, 1],
  ])('of %j at %d is %d', (sample, share, value) => expect(quantile(sample, share)).toBe(value));

  it('of nothing is not a number', () => expect(quantile([], 0.5)).toBeNaN());

  it('leaves the sample in its order', () => {
    const sample = [3, 1, 2];
    quantile(sample, 0.5);
    expect(sample).toEqual([3, 1, 2]);
  });

  it('sorts by value, not as text', () => expect(median([9, 10, 100])).toBe(10));
});

describe('summary', () => {
  it('has the count, the median and the 99th percentile', () =>
    expect(summary(Array.from({ length: 101 }, (_, i) => 100 - i))).toEqual({ count: 101, median: 50, p99: 99 }));

  it('of nothing counts nothing', () => expect(summary([])).toEqual({ count: 0, median: Number.NaN, p99: Number.NaN }));
});

describe('turns', () => {
  it.each([
    [0, ['a', 'b', 'c']],
    [1, ['b', 'c', 'a']],
    [5, ['c', 'a', 'b']],
  ])('of round %d begin with another one', (round, order) => expect(turns(['a', 'b', 'c'], round)).toEqual(order));

  it('of nobody are none', () => expect(turns([], 3)).toEqual([]));
});
