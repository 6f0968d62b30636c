/** Arithmetic of constants: numbers with underscores, KIB and MIB, and + - * << **. */
const ARITHMETIC = /^[\d_\s()+\-*<]+$/;
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/\bKIB\b/g, '1024'],
  [/\bMIB\b/g, '1048576'],
];

/** What `const NAME = …` is in a source, when it is arithmetic; undefined when it is something else or is not there. */
export function numberOf(name: string, source: string): number | undefined {
  const [, written] = new RegExp(`\\bconst ${name}(?:: number)? = ([^;]+);`).exec(source) ?? [];
  if (written === undefined) return undefined;
  const sum = UNITS.reduce((text, [unit, value]) => text.replace(unit, value), written);
  return ARITHMETIC.test(sum) ? Number(new Function(`return ${sum}`)()) : undefined;
}

const WORDS = new Map([
  [2, 'two'],
  [3, 'three'],
]);

/** Each way in which a number may be told: as it is, with commas, as KiB or MiB, or, when it is milliseconds, as a time. */
export function tellings(value: number): RegExp[] {
  const parts: readonly (readonly [number, string])[] = [
    [1, ''],
    [1024, ' KiB'],
    [1 << 20, ' MiB'],
    [1000, ' s'],
    [60_000, ' min'],
    [1024, ' KiB/s'],
  ];
  const plain = parts.filter(([size]) => Number.isInteger(value / size));
  const words = plain.map(([size, unit]) => `${(value / size).toLocaleString('en-US')}${unit}`);
  const bare = plain.map(([size, unit]) => `${value / size}${unit}`);
  const more = [WORDS.get(value), value === 60_000 ? 'a minute' : undefined].filter((word) => word !== undefined);
  return [...words, ...bare, ...more].map((word) => new RegExp(`(?<![\\d.,])${word}(?![\\w]|[.,]\\d)`));
}
