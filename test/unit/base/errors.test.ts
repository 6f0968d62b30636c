import { connect } from 'node:net';
import { errnoOf, errorMessage, isAbort } from '../../../src/base/errors';

const caused = (message: string, cause: unknown): Error => new Error(message, { cause });

describe('errorMessage', () => {
  it.each<[string, unknown, string]>([
    ['an error', new Error('broken'), 'broken'],
    ['its causes, outermost first', caused('a', caused('b', new Error('c'))), 'a: b: c'],
    [
      'a cause that the message ends with, once',
      caused('create "x": no space', new Error('no space')),
      'create "x": no space',
    ],
    ['a cause that is text', caused('a', 'b'), 'a: b'],
    ['a cause without a message', caused('a', new Error('')), 'a'],
    ['an error without a message, by its cause', caused('', new Error('b')), 'b'],
    ['text', 'broken', 'broken'],
    ['a number', 5, '5'],
    ['nothing', undefined, 'unknown error'],
    ['null', null, 'unknown error'],
    ['an error that says nothing', new Error(''), 'unknown error'],
    ['several errors with a message of their own', new AggregateError([new Error('a')], 'all failed'), 'all failed'],
    ['several errors without', new AggregateError([new Error('a'), caused('b', 'c')], ''), 'a, b: c'],
  ])('tells of %s', (_name, thrown, message) => {
    expect(errorMessage(thrown)).toBe(message);
  });

  it('ends when a cause is its own cause', () => {
    const error = new Error('round');
    error.cause = error;
    expect(errorMessage(error)).toBe('round');
  });
});

it.each<[string, unknown, boolean]>([
  ['the reason of an abort', AbortSignal.abort().reason, true],
  ['the reason of a timeout', new DOMException('late', 'TimeoutError'), true],
  ['another error', new Error('aborted'), false],
  ['no error', 'AbortError', false],
])('isAbort: %s', (_name, thrown, is) => {
  expect(isAbort(thrown)).toBe(is);
});

describe('errnoOf', () => {
  it.each<[string, unknown, string | undefined]>([
    ['a system error', Object.assign(new Error('x'), { code: 'ENOENT' }), 'ENOENT'],
    ['a numeric code', Object.assign(new Error('x'), { code: 5 }), undefined],
    ['an error without a code', new Error('x'), undefined],
    ['null', null, undefined],
    ['text', 'ENOENT', undefined],
  ])('of %s', (_name, thrown, code) => {
    expect(errnoOf(thrown)).toBe(code);
  });

  it('of what Node really throws', async () => {
    const error = await new Promise((resolve) => connect('/nonexistent/socket').once('error', resolve));
    expect(errnoOf(error)).toBe('ENOENT');
  });
});
