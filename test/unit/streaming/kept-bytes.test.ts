import { keptBytes } from '../../../src/streaming/kept-bytes';

describe('Bytes that are kept', () => {
  it.each([
    [1, 65_536],
    [1000, 65_536],
    [16_383, 65_536],
  ])('lie in memory of their own when they are %d of %d', (length, of) => {
    const chunk = Buffer.alloc(of, 'x');
    const kept = keptBytes(chunk.subarray(5, 5 + length));
    expect(kept.equals(chunk.subarray(5, 5 + length))).toBe(true);
    expect(kept.buffer.byteLength).toBe(length);
  });

  it.each([
    [16_384, 65_536],
    [65_536, 65_536],
    [1, 4],
  ])('are not copied when they are %d of %d', (length, of) => {
    const part = Buffer.alloc(of, 'x').subarray(0, length);
    expect(keptBytes(part)).toBe(part);
  });
});
