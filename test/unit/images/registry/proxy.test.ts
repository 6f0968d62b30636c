import { proxyAuthorization, proxyFor } from '../../../../src/images/registry/proxy';

const HTTPS = { HTTPS_PROXY: 'http://proxy:3128' };
const found = (url: string, env: Record<string, string>): string | undefined => proxyFor(new URL(url), env)?.href;

describe('proxyFor', () => {
  it.each([
    ['https://r.example/v2/', HTTPS, 'http://proxy:3128/'],
    ['https://r.example/v2/', { https_proxy: 'proxy:3128' }, 'http://proxy:3128/'],
    ['http://r.example/v2/', HTTPS, undefined],
    ['http://r.example/v2/', { HTTP_PROXY: 'https://proxy' }, 'https://proxy/'],
    ['https://r.example/', {}, undefined],
    ['https://localhost:5000/', HTTPS, undefined],
    ['https://127.0.0.1/', HTTPS, undefined],
    ['https://[::1]:5000/', HTTPS, undefined],
  ])('for %s with %j is %s', (url, env, proxy) => {
    expect(found(url, env as Record<string, string>)).toBe(proxy);
  });

  it.each([
    ['*', true],
    ['r.example', true],
    ['R.Example', true],
    ['example', true],
    ['.example', true],
    ['*.example', true],
    ['.r.example', false],
    ['xample', false],
    ['other, r.example:443', true],
    ['r.example:5000', false],
    ['10.0.0.0/8', false],
    ['', false],
  ])('passes by r.example with NO_PROXY=%s: %s', (list, excluded) => {
    expect(found('https://r.example/', { ...HTTPS, NO_PROXY: list })).toBe(excluded ? undefined : 'http://proxy:3128/');
  });

  it.each([
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['[fd00::1]', 'fd00::/8', true],
    ['10.1.2.3', 'x/8', false],
    ['10.1.2.3', '10.0.0.0/99', false],
    ['10.1.2.3', '2.3', false],
  ])('passes by %s with NO_PROXY=%s: %s', (host, list, excluded) => {
    expect(found(`https://${host}/`, { ...HTTPS, no_proxy: list }) === undefined).toBe(excluded);
  });

  it.each(['socks5://proxy:1080', 'http://'])('refuses the proxy %s without showing it', (proxy) => {
    expect(() => found('https://r.example/', { HTTPS_PROXY: proxy })).toThrow(/^HTTPS_PROXY/);
  });
});

describe('proxyAuthorization', () => {
  it('is made of the user info, which may be escaped', () => {
    expect(proxyAuthorization(new URL('http://a:p%40ss@proxy'))).toEqual({
      'Proxy-Authorization': `Basic ${Buffer.from('a:p@ss').toString('base64')}`,
    });
    expect(proxyAuthorization(new URL('http://proxy'))).toEqual({});
  });
});
