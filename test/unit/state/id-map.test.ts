import { labelMatcher, matchesId } from '../../../src/state/filters';
import { AmbiguousId, IdMap } from '../../../src/state/id-map';

describe('IdMap', () => {
  const map = new IdMap<number>();
  map.set('abc1', 1);
  map.set('abc2', 2);
  map.set('abc', 3);

  it('finds by the whole id before any prefix, and by a prefix that one id has', () => {
    expect(map.find('abc')).toBe(3);
    expect(map.find('abc1')).toBe(1);
    expect(new IdMap<number>().find('a')).toBeUndefined();
    const one = new IdMap<number>();
    one.set('xyz', 7);
    expect([one.find('x'), one.find('xyz'), one.find('xyzz'), one.find('')]).toEqual([7, 7, undefined, undefined]);
  });

  it('refuses a prefix that several ids have', () => {
    expect(() => map.find('ab')).toThrow(new AmbiguousId('ab'));
  });

  it('forgets what is deleted', () => {
    const other = new IdMap<number>();
    other.set('a', 1);
    expect([other.delete('a'), other.delete('a'), other.get('a'), other.size]).toEqual([true, false, undefined, 0]);
  });
});

describe('filters', () => {
  it('match an id by its beginning, and every id when none is named', () => {
    expect(['abc', 'ab', ''].map((wanted) => matchesId('abc', wanted))).toEqual([true, true, true]);
    expect([matchesId('abc', undefined), matchesId('abc', 'b'), matchesId('abc', 'abcd')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('match labels when all pairs are there, and only what is a label itself', () => {
    const labels = { a: '1', b: '2' };
    expect(labelMatcher(undefined)(labels)).toBe(true);
    expect(labelMatcher({ a: '1', b: '2' })(labels)).toBe(true);
    expect(labelMatcher({ a: '1', c: '' })(labels)).toBe(false);
    expect(labelMatcher({ a: '2' })(labels)).toBe(false);
    expect(labelMatcher({ constructor: 'x' })({})).toBe(false);
  });
});
