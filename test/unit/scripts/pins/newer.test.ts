import { compareVersions, newerThan, upstreamOf } from '../../../../scripts/pins/newer';

const pin = (version: string, line?: string) => ({ name: 'x', source: 'go' as const, package: 'x', version, line });

describe('newerThan', () => {
  const versions = ['v2.3.7', 'v2.3.10', 'v2.3.9', 'v2.4.2', 'v2.4.3-rc.1', 'v3.0.0-beta.0'];
  it.each([
    ['the newest of its line and the newest of all', pin('v2.3.7', 'v2.3'), { inLine: 'v2.3.10', beyond: 'v2.4.2' }],
    ['only what is beyond its line', pin('v2.3.10', 'v2.3'), { inLine: undefined, beyond: 'v2.4.2' }],
    ['only what is in its line', pin('v2.3.7', 'v2'), { inLine: 'v2.4.2', beyond: undefined }],
    ['nothing for the newest', pin('v2.4.2', 'v2'), { inLine: undefined, beyond: undefined }],
    ['nothing for what is newer than all', pin('v2.5.0', 'v2'), { inLine: undefined, beyond: undefined }],
    ['the newest of all where there is no line', pin('v2.3.7'), { inLine: 'v2.4.2', beyond: undefined }],
  ])('tells %s', (_, of, expected) => expect(newerThan(of, versions)).toEqual(expected));

  it('does not take what comes before a release for one', () => {
    expect(newerThan(pin('v2.4.2', 'v2'), ['v2.4.3-rc.1', 'v2.5.0-beta.0'])).toEqual({});
  });
});

describe('compareVersions', () => {
  it('goes by numbers', () => {
    const mixed = ['v1.10.0', 'v1.9.1', 'v1.9', '1.6.20', 'v1.9.0-rc.1', 'v0.99.0'];
    expect([...mixed].sort(compareVersions)).toEqual(['v1.9.0-rc.1', 'v0.99.0', '1.6.20', 'v1.9', 'v1.9.1', 'v1.10.0']);
  });
});

describe('upstreamOf', () => {
  it.each([
    ['1.6.20~ds1-1+deb12u3', '1.6.20'],
    ['1:7.2+dfsg-7+deb12u18+b3', '7.2'],
    ['1.1.1+ds1-3+b5', '1.1.1'],
    ['words', 'words'],
  ])('of %s is %s', (version, expected) => expect(upstreamOf(version)).toBe(expected));
});
