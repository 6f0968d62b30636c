import fc from 'fast-check';
import { compileGlob, matchGlob } from '../../../src/oci/glob';

describe('matchGlob', () => {
  it.each([
    ['abc', 'abc', true],
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'abc', true],
    ['*', 'a/b', false],
    ['*c', 'abc', true],
    ['a*', 'abc', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['a???b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['a?b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[x\\-]', '-', true],
    ['*x', 'xxx', true],
    ['io.katacontainers.*', 'io.katacontainers.config.hypervisor', true],
    ['example.com/*', 'example.com/a', true],
    ['example.com/*', 'example.com/a/b', false],
  ])('says of %j and %j: %s', (pattern, text, expected) => {
    expect(matchGlob(pattern, text)).toBe(expected);
  });

  it.each(['[]a]', '[-]', '[x-]', '[-x]', '\\', '[a-b-c]', '[', '[^', '[^bc', 'a[', '*['])(
    'matches nothing with the malformed %j',
    (pattern) => {
      for (const text of ['', 'a', ']', '-', 'x', pattern]) expect(matchGlob(pattern, text)).toBe(false);
    },
  );

  it('matches every text with itself, escaped', () => {
    fc.assert(fc.property(fc.string(), (text) => matchGlob(text.replace(/[\\*?[]/g, '\\$&'), text)));
  });

  it('agrees with a regular expression on stars', () => {
    const part = fc.stringMatching(/^[ab/]{0,6}$/);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), fc.stringMatching(/^[ab/]{0,12}$/), (parts, text) => {
        expect(matchGlob(parts.join('*'), text)).toBe(new RegExp(`^${parts.join('[^/]*')}$`).test(text));
      }),
    );
  });

  it('does not take long over a hostile pattern', () => {
    expect(matchGlob(`${'a*'.repeat(50)}b`, 'a'.repeat(20_000))).toBe(false);
  });
});

describe('The prefix of a compiled glob', () => {
  it.each([
    ['run.oci.*', 'run.oci.'],
    ['*', ''],
    ['[o]rg', ''],
    ['org\\.a?b', 'org.a'],
    ['org.criu.config', 'org.criu.config'],
    ['bad[', ''],
  ])('of %j is %j', (pattern, prefix) => {
    expect(compileGlob(pattern).prefix).toBe(prefix);
  });
});
