import fc from 'fast-check';
import { stringifyJson } from '../../../../src/base/json/json';
import { jsonPieces } from '../../../../src/base/json/json-pieces';
import { atOnce } from '../../../../src/base/work/pieces';

const some = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));

/** The text, and how many pieces it was written in. */
function written(value: unknown): { text: string; pieces: number } {
  const work = jsonPieces(value);
  let pieces = 1;
  let step = work.next();
  for (; !step.done; step = work.next()) pieces += 1;
  return { text: step.value.toString(), pieces };
}

describe('jsonPieces', () => {
  const LONG = 9_223_372_036_854_775_807n;

  it.each<[string, unknown, number]>([
    ['a short document', { a: [1, 'b', [LONG], undefined], b: undefined, c: { toJSON: 1 } }, 1],
    ['a list of as many items as a piece has', some(1024, (at) => at), 1],
    ['one of one item more', some(1025, (at) => at), 3],
    ['long lists beside others', { a: some(2000, String), b: [LONG], c: { d: some(3000, () => ({ e: LONG })) } }, 6],
    ['few long texts', { args: some(20, () => '\u0001"\\'.repeat(40_000)) }, 11],
    ['long lists in a list', [some(1100, String), some(1100, String)], 5],
    ['long lists of objects that write themselves', { at: some(1100, (at) => new Date(at)) }, 3],
    ['keys that are named like a prototype', JSON.parse(`{"__proto__":${JSON.stringify(some(1100, String))}}`), 3],
  ])('writes %s as stringifyJson does', (_what, value, pieces) => {
    const { text, pieces: needed } = written(value);
    expect(needed).toBe(pieces);
    expect(text === stringifyJson(value)).toBe(true); // some have megabytes
  });

  it('writes any document as stringifyJson does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const large = [some(1100, () => value), value];
        expect(atOnce(jsonPieces(large)).toString()).toBe(stringifyJson(large));
      }),
      { numRuns: 30 },
    );
  });
});
