import { parseQuantity } from '../../../src/base/quantity';

describe('parseQuantity', () => {
  it.each<[string, bigint]>([
    ['0', 0n],
    ['10', 10n],
    ['+10', 10n],
    ['-10', -10n],
    ['1k', 1_000n],
    ['10M', 10_000_000n],
    ['1.5G', 1_500_000_000n],
    ['1P', 10n ** 15n],
    ['2E', 2n * 10n ** 18n],
    ['1Ki', 1024n],
    ['1.5Mi', 1_572_864n],
    ['8Ei', 8n << 60n],
    ['1e3', 1_000n],
    ['1E3', 1_000n],
    ['12e-1', 2n],
    ['100m', 1n],
    ['1000m', 1n],
    ['1001m', 2n],
    ['1n', 1n],
    ['.5k', 500n],
    ['5.k', 5_000n],
    ['9223372036854775807', 9223372036854775807n],
  ])('reads %s as %s', (text, value) => {
    expect(parseQuantity(text)).toBe(value);
  });

  it.each(['', '.', 'k', '1K', '1x', '1 k', '1kk', '0x10', '1e', '1.2.3', '--1', '1,5', '١', '1'.repeat(10_000)])(
    'refuses %j',
    (text) => {
      expect(parseQuantity(text)).toBeUndefined();
    },
  );
});
