import { joined } from '../../../../src/base/work/joined';

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

describe('Parts that are joined', () => {
  it('are one buffer when they are small, also when there are none', () => {
    expect(joined([bytes(2, 1), bytes(1, 2)])).toEqual([Buffer.from([1, 1, 2])]);
    expect(joined([])).toEqual([Buffer.alloc(0)]);
  });

  it('are left where they are when they are large, each in its place', () => {
    const large = bytes(64 * 1024, 7);
    const all = joined([bytes(1, 1), bytes(1, 2), large, bytes(1, 3)]);
    expect(all.map(({ length }) => length)).toEqual([2, 64 * 1024, 1]);
    expect(all[1]?.buffer).toBe(large.buffer);
  });

  it('are few, however many they are, and none of them is long', () => {
    const all = joined(Array.from({ length: 100_000 }, () => bytes(100, 5)));
    expect(all.reduce((sum, { length }) => sum + length, 0)).toBe(10_000_000);
    expect(all.length).toBeLessThan(20);
    expect(Math.max(...all.map(({ length }) => length))).toBeLessThan(2 << 20);
  });
});
