import { goList, goMap, goStruct, readAsGo } from '../../../../src/base/json/go-fields';

const SHAPE = goStruct('User Env Kind', {
  rootfs: goStruct('diff_ids'),
  entries: goList(goStruct('mediaType')),
  Labels: goMap('value'),
  runtimes: goMap(goStruct('Path')),
});

describe('readAsGo', () => {
  it.each<[string, object, object]>([
    ['lower case', { user: '1', env: ['A'] }, { User: '1', Env: ['A'] }],
    ['upper case', { USER: '1', ROOTFS: { DIFF_IDS: [] } }, { User: '1', rootfs: { diff_ids: [] } }],
    ['the long s and the Kelvin sign', { 'U\u017fER': '1', '\u212aIND': 'k' }, { User: '1', Kind: 'k' }],
    ['fields of items', { Entries: [{ MEDIATYPE: 'x' }, 3] }, { entries: [{ mediaType: 'x' }, 3] }],
    ['a map, whose keys are data', { labels: { USER: 'a', user: 'b' } }, { Labels: { USER: 'a', user: 'b' } }],
    ['fields of values of a map', { RunTimes: { Runc: { path: '/x' } } }, { runtimes: { Runc: { Path: '/x' } } }],
    ['the exact key first', { User: '1', user: '2' }, { User: '1' }],
    ['the exact key last', { user: '2', User: '1' }, { User: '1' }],
    ['two keys of other case', { user: '1', USER: '2' }, { User: '2' }],
    ['null beside a value', { User: null, user: '1' }, { User: '1' }],
    ['a value beside null', { user: '1', User: null, USER: null }, { User: '1' }],
    ['null alone', { user: null }, { User: null }],
    ['keys of no field', { user_: 1, 'k\u0131nd': 2 }, { user_: 1, 'k\u0131nd': 2 }],
  ])('reads %s', (_what, document, read) => {
    expect(readAsGo(document, SHAPE)).toEqual(read);
  });

  it('leaves what is not of the shape to the reader', () => {
    for (const document of [null, 1, 'x', [{ user: 1 }], undefined, new Date(0)])
      expect(readAsGo(document, SHAPE)).toBe(document);
    const odd = { rootfs: [1], entries: { a: 1 }, Labels: 'x' };
    expect(readAsGo(odd, SHAPE)).toEqual(odd);
  });

  it('takes a key named like a part of JavaScript for a key', () => {
    const read = readAsGo(JSON.parse('{"__proto__":{"user":"0"},"labels":{"__proto__":"x"}}') as object, SHAPE);
    expect(Object.keys(read)).toEqual(['__proto__', 'Labels']);
    expect(Object.entries((read as { Labels: object }).Labels)).toEqual([['__proto__', 'x']]);
  });
});
