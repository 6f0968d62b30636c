import { parseChallenges } from '../../../../src/images/registry/auth-challenge';
import { credentialsFor } from '../../../../src/images/registry/credentials';

const own = { host: 'r.example', domain: 'r.example' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('credentialsFor', () => {
  it.each([
    ['nothing', undefined, undefined],
    ['empty', {}, undefined],
    ['a password', { username: 'u', password: 'p' }, { kind: 'password', username: 'u', password: 'p' }],
    [
      'a password first',
      { username: 'u', password: 'p', identityToken: 'i', auth: base64('a:b'), registryToken: 'r' },
      { kind: 'password', username: 'u', password: 'p' },
    ],
    ['an identity token before auth', { identityToken: 'i', auth: base64('a:b') }, { kind: 'identity', token: 'i' }],
    ['auth', { auth: base64('a:b:c') }, { kind: 'password', username: 'a', password: 'b:c' }],
    ['auth with trailing zeros', { auth: base64('a:b\0\0') }, { kind: 'password', username: 'a', password: 'b' }],
    ['a registry token', { registryToken: 'r' }, { kind: 'bearer', token: 'r' }],
  ])('with %s', (_what, auth, credentials) => {
    expect(credentialsFor(auth, own)).toEqual(credentials);
  });

  it.each([
    ['r.example', 'r.example', true],
    ['https://r.example', 'r.example', true],
    ['https://r.example/v1/', 'r.example', true],
    ['r.example:443', 'r.example', true],
    ['r.example:5000', 'r.example', false],
    ['http://r.example:80', 'r.example', true],
    ['evil.example', 'r.example', false],
    ['r.example.evil', 'r.example', false],
    ['https://index.docker.io/v1/', 'registry-1.docker.io', true],
    ['docker.io', 'registry-1.docker.io', true],
    ['https://index.docker.io/v1/', 'mirror.example', false],
    ['not a host', 'r.example', false],
  ])('for %s are shown to %s: %s', (serverAddress, host, shown) => {
    expect(credentialsFor({ username: 'u', serverAddress }, { host, domain: host }) !== undefined).toBe(shown);
  });

  it.each(['%%%', base64('nocolon'), base64(':p')])('refuses auth %s without repeating it', (auth) => {
    expect(() => credentialsFor({ auth }, own)).toThrow(
      'the credentials cannot be used: "auth" is not the base64 of "username:password"',
    );
  });
});

describe('parseChallenges', () => {
  const read = (header: string): unknown =>
    parseChallenges(header).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);

  it.each([
    ['Basic realm="x"', [['basic', { realm: 'x' }]]],
    [
      'Bearer realm="https://a/token",service="s",scope="repository:a:pull,push"',
      [['bearer', { realm: 'https://a/token', service: 's', scope: 'repository:a:pull,push' }]],
    ],
    ['BEARER Realm=a , Service = "b"', [['bearer', { realm: 'a', service: 'b' }]]],
    [
      'Basic realm="a", Bearer realm="b"',
      [
        ['basic', { realm: 'a' }],
        ['bearer', { realm: 'b' }],
      ],
    ],
    [
      'Negotiate, Basic realm="a"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'a' }],
      ],
    ],
    ['Basic realm="a\\"b"', [['basic', { realm: 'a"b' }]]],
    ['Basic realm="unclosed', [['basic', { realm: 'unclosed' }]]],
    ['Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
    ['', []],
    ['=', []],
    ['"x"', []],
  ])('reads %s', (header, challenges) => {
    expect(read(header)).toEqual(challenges);
  });
});
