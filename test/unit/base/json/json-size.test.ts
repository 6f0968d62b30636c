import { beyondLimits } from '../../../../src/base/json/json-size';
import { leastMs } from '../../../support/least-ms';

const of = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const limits = { marks: 10, depth: 3 };

describe('beyondLimits', () => {
  it.each([
    ['a list at the limit', [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]],
    ['an object at the limit', { a: 1, b: 2, c: 3, d: 4, e: 5 }],
    ['brackets at the limit', [[[]]]],
    ['marks within a string', ['[[[[{{{{,,,,::::']],
    ['quotes and backslashes within a string', ['\\"[[[[', '\\\\', '"\\"']],
    ['brackets beside each other', [[], [], []]],
    ['nothing', ''],
    ['a string that does not end', '["[[[[[[['],
  ])('finds nothing in %s', (_what, value) => {
    expect(beyondLimits(of(value), limits)).toBeUndefined();
  });

  it.each([
    ['marks', 'a list one above', [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]],
    ['marks', 'an object one above', { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }],
    ['marks', 'empty objects', '[{},{},{},{},{},{}]'],
    ['depth', 'brackets one above', [[[[]]]]],
    ['depth', 'objects in lists', [{ a: [{}] }]],
    ['depth', 'what is no JSON', '[[[['],
    ['depth', 'what follows an escaped quote', ['\\"', [[[]]]]],
  ])('finds too much %s in %s', (which, _what, value) => {
    expect(beyondLimits(of(value), limits)).toBe(which);
  });

  it.each(['\\"', '\\\\', '""', '\\'])('takes linear time for 4 MiB of %s', (piece) => {
    const text = of(`"${piece.repeat((4 << 20) / piece.length)}`);
    expect(leastMs(50, () => beyondLimits(text, { marks: 1e9, depth: 1e9 }))).toBeLessThan(50);
  });
});
