import { MAX_FOREIGN_MARKS, parseForeignJson } from '../../../src/base/json/foreign-json';
import { MAX_JSON_DEPTH, NotJson, parseJson } from '../../../src/base/json/json';
import { MAX_FILE_BYTES } from '../../../src/base/regular-file';
import { heldFor, MOST_MS } from '../../support/held-for';

const LONG = '9223372036854775807';
const nested = (levels: number, inside = ''): string => '['.repeat(levels) + inside + ']'.repeat(levels);

describe('parseJson', () => {
  it.each(['', LONG])('reads as many levels as it may, and not one more (%s inside)', (inside) => {
    expect(parseJson(nested(MAX_JSON_DEPTH, inside))).toBeInstanceOf(Array);
    expect(() => parseJson(nested(MAX_JSON_DEPTH + 1, inside))).toThrow(
      new NotJson(`it nests deeper than ${MAX_JSON_DEPTH} levels`),
    );
  });

  it('counts levels, not brackets', () => {
    expect(parseJson(`[${'[],'.repeat(MAX_JSON_DEPTH * 2)}{}]`)).toHaveLength(MAX_JSON_DEPTH * 2 + 1);
    expect(parseJson(JSON.stringify(['['.repeat(MAX_JSON_DEPTH * 2), '\\"[']))).toHaveLength(2);
  });

  it.each(['{"a":{"a":', '[{"a":', '{"a":['])('is not made to walk a megabyte of %s', (opening) => {
    expect(() => parseJson(opening.repeat(MAX_FILE_BYTES / opening.length))).toThrow(NotJson);
  });

  it.each(['root:$6$secret:0:0', '{"secret": root}', '["secret"', `[${LONG}, secret]`])(
    'says nothing of the text %s, which may be any file',
    (text) => {
      expect(() => parseJson(text)).toThrow(/^it is not JSON$/);
    },
  );

  it('takes a number of 20 digits for an integer, and one of more for the double that JSON.parse makes of it', () => {
    expect(parseJson('[18446744073709551615,10000000000000000001]')).toEqual([
      18_446_744_073_709_551_615n,
      10_000_000_000_000_000_001n,
    ]);
    expect(parseJson('[18446744073709551615,100000000000000000000]')).toEqual([18_446_744_073_709_551_615n, 1e20]);
  });
});

describe('parseForeignJson', () => {
  it('reads as many values as it may, and not one more', () => {
    const list = Array.from({ length: MAX_FOREIGN_MARKS }, () => 1);
    expect(parseForeignJson(JSON.stringify(list))).toEqual(list);
    expect(() => parseForeignJson(JSON.stringify([...list, 1]))).toThrow(
      new NotJson(`it has more than ${MAX_FOREIGN_MARKS} commas, colons and brackets`),
    );
  });

  it('reads long integers, and levels as deep as parseJson', () => {
    expect(parseForeignJson(`{"a":${LONG}}`)).toEqual({ a: BigInt(LONG) });
    expect(() => parseForeignJson(nested(MAX_JSON_DEPTH + 1))).toThrow(/levels/);
  });

  const size = MAX_FILE_BYTES;
  it.each([
    ['quotes and backslashes in a string', JSON.stringify(['\\"'.repeat(size / 4), 1]).replace(/1\]$/, `${LONG}]`)],
    ['backslashes alone', `["${'\\'.repeat(size - 30)}",${LONG}]`],
    ['long numbers', `[${`${LONG}${' '.repeat(15)},`.repeat(MAX_FOREIGN_MARKS - 1)}1]`],
    ['more long numbers', `[${`${LONG},`.repeat(size / 20)}1]`],
    ['objects', `[${LONG},${'{"a":{}},'.repeat(MAX_FOREIGN_MARKS / 4 - 1)}1]`],
    ['one number of a megabyte', `[${'1'.repeat(size)}]`],
    ['a long number and blanks before no colon', `[${LONG}${' '.repeat(size)}]`],
    ['numbers with blanks behind each', `[${`${LONG}${' '.repeat(1000)},`.repeat(size / 1020)}1]`],
    ['opening brackets in a string', `["${'['.repeat(size)}",${LONG}]`],
    ['levels up and down', `[${`${nested(500)},`.repeat(size / 1001)}${LONG}]`],
    ['a string without an end', `[${LONG},"${'a'.repeat(size)}`],
    ['minus signs', `[${LONG},${'-'.repeat(size)}]`],
  ])('reads a megabyte of %s in no time', (what, text) => {
    const act = (): unknown => {
      try {
        return parseForeignJson(text);
      } catch (error) {
        return error;
      }
    };
    expect(heldFor(`parseForeignJson, 1 MiB of ${what}`, act)).toBeLessThan(MOST_MS);
  });
});
