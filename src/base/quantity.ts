/**
 * Kubernetes quantities: a decimal number and a suffix, `10M`, `1.5Gi`, `100m`, `1e6`. The value is exact until it is
 * rounded up to a whole number, as Kubernetes does when it wants one.
 */

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const QUANTITY = /^([+-]?)(\d{1,40})?(?:\.(\d{0,40}))?(?:([eE][+-]?\d{1,3})|([KMGTPE]i|[numkMGTPE]))?$/;

/** The quantity as a whole number, rounded away from zero, or undefined when the text is none. */
export function parseQuantity(text: string): bigint | undefined {
  const match = QUANTITY.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(whole + fraction);
  const shift = BINARY[suffix];
  const power = (exponent ? Number(exponent.slice(1)) : (DECIMAL[suffix] ?? 0)) - fraction.length;
  const scaled = shift === undefined ? digits : digits << shift;
  const value = power >= 0 ? scaled * 10n ** BigInt(power) : ceilDivide(scaled, 10n ** BigInt(-power));
  return sign === '-' ? -value : value;
}

function ceilDivide(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
