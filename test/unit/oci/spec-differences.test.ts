import { type Meant, unmeant } from '../../support/specs/differences';

const theirs = { pod: { a: '1', b: true }, 'pod/one': { a: '1', c: '' } };
const ours = { pod: { a: '2', b: true }, 'pod/one': { a: '1', d: 0 } };

const ALL: readonly Meant[] = [
  { of: 'pod', changes: [['a', '1', '2']], why: 'as a text' },
  {
    of: /\//,
    changes: [
      ['c', '', '-'],
      [/^d$/, '-', /^\d$/],
    ],
    why: 'by patterns',
  },
];

describe('what differs between specs', () => {
  it('is right when all of it is meant', () => {
    expect(unmeant(theirs, ours, ALL)).toEqual([]);
  });

  it('is told where nobody meant it, with both values', () => {
    expect(unmeant(theirs, ours, [])).toEqual(['pod: a: 1 -> 2', 'pod/one: c:  -> -', 'pod/one: d: - -> 0']);
  });

  it.each<[string, Meant]>([
    ['of another case', { of: 'po', changes: [['a', '1', '2']], why: 'w' }],
    ['of another field', { of: 'pod', changes: [['b', '1', '2']], why: 'w' }],
    ['of another value of theirs', { of: 'pod', changes: [['a', '-', '2']], why: 'w' }],
    ['of another value of ours', { of: 'pod', changes: [['a', '1', '-']], why: 'w' }],
  ])('is not meant by an entry %s, which is told to match nothing', (_, entry) => {
    expect(unmeant(theirs, ours, [entry, ...ALL.slice(1)])).toEqual([
      'pod: a: 1 -> 2',
      expect.stringMatching(/^no such difference: .* \(w\)$/),
    ]);
  });

  it('shows a case that only one of them has', () => {
    expect(unmeant({ pod: { refused: 'UNKNOWN' } }, {}, [])).toEqual(['pod: refused: UNKNOWN -> -']);
  });
});
