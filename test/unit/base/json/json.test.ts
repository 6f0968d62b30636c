import fc from 'fast-check';
import { parseJson, stringifyJson } from '../../../../src/base/json/json';
import { leastMs } from '../../../support/least-ms';

const LONG = 9_223_372_036_854_775_807n;

describe('parseJson', () => {
  it.each<[string, string, unknown]>([
    ['an integer that a double holds', '{"a":42}', { a: 42 }],
    ['the largest such integer', '9007199254740991', 9_007_199_254_740_991],
    ['the first that it does not hold', '9007199254740992', 9_007_199_254_740_992n],
    ['the largest int64', '{"a":9223372036854775807}', { a: LONG }],
    ['the smallest int64', '[-9223372036854775808]', [-LONG - 1n]],
    ['a uint64', '18446744073709551615', 18_446_744_073_709_551_615n],
    ['a long fraction', '0.12345678901234567890', 0.12345678901234568],
    ['a long number with a fraction', '12345678901234567890.5', Number('12345678901234567890.5')],
    ['a long number with an exponent', '1234567890123456789e2', Number('1234567890123456789e2')],
    ['an exponent of many digits', '1e-0000000000000000001', 0.1],
    ['digits in a string', '{"a":"12345678901234567890"}', { a: '12345678901234567890' }],
    ['digits behind a quote in a string', '["\\"12345678901234567890"]', ['"12345678901234567890']],
    [
      'digits behind a backslash at the end of a string',
      '["\\\\",12345678901234567890]',
      ['\\', 12345678901234567890n],
    ],
    [
      'a backslash before a quote, and one before the end',
      '["\\\\\\"",12345678901234567890]',
      ['\\"', 12345678901234567890n],
    ],
    ['digits in a key', '{"12345678901234567890":1}', { '12345678901234567890': 1 }],
    [
      'private characters in a string',
      '["\uE00012345678901234567890",9223372036854775807]',
      ['\uE00012345678901234567890', LONG],
    ],
    ['space around', ' [ 9223372036854775807 , 1 ] ', [LONG, 1]],
  ])('reads %s', (_name, text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  it('sees an integer of sixteen digits wherever it is', () => {
    for (let at = 0; at <= 32; at++)
      expect(parseJson(`${' '.repeat(at)}9007199254740993`)).toBe(9_007_199_254_740_993n);
  });

  it('makes a member of a key that is named like the prototype', () => {
    const value = parseJson('{"__proto__":9223372036854775807}');
    expect(Object.entries(value as object)).toEqual([['__proto__', LONG]]);
  });

  it.each([
    ['nothing', ''],
    ['half a document', '{"a":9223372036854775807'],
    ['a long number as a key', '{9223372036854775807:1}'],
    ['a number of 16 digits as a key', '{1234567890123456 :1}'],
    ['leading zeros', '[0000000000000000000001]'],
    ['a plus sign', '[+9223372036854775807]'],
    ['two minus signs', '[--9223372036854775807]'],
    ['a fraction without an integer', '[.9223372036854775807]'],
    ['a number and a string without a comma', '[9223372036854775807"a"]'],
    ['something behind the end', '9223372036854775807 9223372036854775807'],
  ])('throws SyntaxError on %s', (_name, text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  it.each([
    ['quotes behind backslashes in a string without an end', `[12345678901234567890,"${'\\"'.repeat(1_000_000)}`],
    ['backslashes in a string without an end', `[12345678901234567890,"${'\\'.repeat(2_000_001)}`],
    ['strings without an end', `[12345678901234567890,"${'"'.repeat(2_000_001)}`],
    ['digits before a colon', `[${'1'.repeat(2_000_000)}:`],
    ['spaces behind a number', `[12345678901234567890${' '.repeat(2_000_000)}:`],
  ])('needs no more than a second to refuse two megabytes of %s', (_name, text) => {
    const least = leastMs(1000, () => expect(() => parseJson(text)).toThrow(SyntaxError));
    expect(least).toBeLessThan(1000);
  });

  it('reads a string of many megabytes beside a long number', () => {
    const text = '\\n"'.repeat(1_000_000);
    expect(parseJson(stringifyJson([text, LONG]))).toEqual([text, LONG]);
  });
});

describe('stringifyJson', () => {
  it.each<[string, unknown, string]>([
    ['a bigint as a plain number', { a: LONG, b: [-1n, 0n] }, '{"a":9223372036854775807,"b":[-1,0]}'],
    ['a bigint alone', 5n, '5'],
    ['no member for undefined', { a: undefined, b: 1n }, '{"b":1}'],
    ['strings of digits as strings', { '1': '1', b: 1n }, '{"1":"1","b":1}'],
    ['private characters as they are', ['\uE0005', '"\uE0005', 5n], '["\uE0005","\\"\uE0005",5]'],
  ])('writes %s', (_name, value, text) => {
    expect(stringifyJson(value)).toBe(text);
  });

  it('leaves what it is given as it is', () => {
    const value = Object.freeze({ list: Object.freeze([1n, LONG]), none: Object.freeze({ a: 'b' }) });
    expect(stringifyJson(value)).toBe('{"list":[1,9223372036854775807],"none":{"a":"b"}}');
  });

  it('writes a bigint under any key, and beside what writes itself', () => {
    const named = JSON.parse('{"__proto__":1,"toJSON":2}');
    Object.defineProperty(named, '__proto__', { value: LONG, enumerable: true });
    expect(stringifyJson({ at: new Date(0), named })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","named":{"__proto__":9223372036854775807,"toJSON":2}}',
    );
  });

  it('indents when asked', () => {
    expect(stringifyJson({ a: 1n }, 2)).toBe('{\n  "a": 1\n}');
  });

  it('writes what JSON.stringify writes when there is no bigint', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => expect(stringifyJson(value)).toBe(JSON.stringify(value))));
  });

  it('writes what parseJson reads back, whatever the strings and keys', () => {
    const long = fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n });
    const scalar = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null), long);
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(scalar, fc.array(tie('value')), fc.dictionary(fc.string({ unit: 'binary' }), tie('value'))),
    }));
    fc.assert(
      fc.property(value, (any) => {
        const text = stringifyJson(any);
        expect(stringifyJson(parseJson(text))).toBe(text);
        expect(parseJson(text)).toEqual(any);
      }),
    );
  });
});
