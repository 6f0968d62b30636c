import fc from 'fast-check';
import { isImageId, parseReference, tryParseReference, withDigest } from '../../../../src/images/document/reference';
import { leastMs } from '../../../support/least-ms';

const HEX = 'a3'.repeat(32);
const DIGEST = `sha256:${HEX}`;

describe('parseReference', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['library/busybox', 'docker.io/library/busybox:latest'],
    ['user/app', 'docker.io/user/app:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/user/app:1', 'docker.io/user/app:1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['registry.k8s.io/pause:3.10.1', 'registry.k8s.io/pause:3.10.1'],
    ['127.0.0.1:5000/a/b/c:t', '127.0.0.1:5000/a/b/c:t'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    ['[2001:db8::1]/app', '[2001:db8::1]/app:latest'],
    ['REGISTRY/app', 'REGISTRY/app:latest'],
    ['a.b/c', 'a.b/c:latest'],
    ['app:a.b-c_D', 'docker.io/library/app:a.b-c_D'],
    ['a__b/c--d/e.f', 'docker.io/a__b/c--d/e.f:latest'],
    [`app@${DIGEST}`, `docker.io/library/app@${DIGEST}`],
    [`example.com/app:1@${DIGEST}`, `example.com/app@${DIGEST}`],
    [`app@sha512:${'0'.repeat(128)}`, `docker.io/library/app@sha512:${'0'.repeat(128)}`],
    [`${HEX}/app`, `docker.io/${HEX}/app:latest`],
  ])('reads %s as %s', (text, full) => {
    expect(parseReference(text).toString()).toBe(full);
  });

  it('answers the parts, the digest driving out the tag', () => {
    expect(parseReference(`example.com:5000/a/b:1@${DIGEST}`)).toMatchObject({
      domain: 'example.com:5000',
      path: 'a/b',
      digest: DIGEST,
      name: 'example.com:5000/a/b',
    });
    expect(parseReference(`example.com:5000/a/b:1@${DIGEST}`).tag).toBeUndefined();
  });

  it.each([
    ['', 'it is empty'],
    [HEX, 'it is the id of an image, not a name'],
    [DIGEST, 'it is the id of an image, not a name'],
    ['App', 'the repository must be lower case'],
    ['docker.io/App', 'the repository must be lower case'],
    ['a..b', 'is not a repository'],
    ['a___b', 'is not a repository'],
    ['a-_b', 'is not a repository'],
    ['-a', 'is not a repository'],
    ['a-', 'is not a repository'],
    ['a//b', 'is not a repository'],
    ['/a', 'is not a repository'],
    ['a/', 'is not a repository'],
    ['a b', 'is not a repository'],
    ['ä', 'is not a repository'],
    ['a:', 'is not a tag'],
    ['a:.b', 'is not a tag'],
    ['a:-b', 'is not a tag'],
    ['a:b:c', 'is not a tag'],
    [`a:${'t'.repeat(129)}`, 'is not a tag'],
    ['a@', 'is not a digest'],
    ['a@sha256:abc', 'is not a digest'],
    [`a@sha256:${HEX.toUpperCase()}`, 'is not a digest'],
    [`a@md5:${'0'.repeat(32)}`, 'is not a digest'],
    [`a@${DIGEST}@${DIGEST}`, 'is not a digest'],
    ['exa_mple.com/a', 'is not a registry'],
    ['-example.com/a', 'is not a registry'],
    ['example..com/a', 'is not a registry'],
    ['example.com:/a', 'is not a registry'],
    ['example.com:x/a', 'is not a registry'],
    ['example.com:99999/a', 'is not a registry'],
    ['[]:5000/a', 'is not a registry'],
    ['../../etc/passwd', 'is not a registry'],
    [`example.com/${'a'.repeat(256)}`, 'the repository is longer than 255 characters'],
    ['a'.repeat(1025), 'it is longer than 1024 characters'],
  ])('refuses %j: %s', (text, why) => {
    expect(() => parseReference(text)).toThrow(why);
    expect(tryParseReference(text)).toBeUndefined();
  });

  it('reads back what it has written', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,8}){0,3}$/);
    const domain = fc.constantFrom('user/', 'example.com/', 'localhost:5000/', '[::1]:443/', 'docker.io/');
    const tag = fc.stringMatching(/^(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,20})?$/);
    const digest = fc.constantFrom('', `@${DIGEST}`);
    fc.assert(
      fc.property(domain, fc.array(part, { minLength: 1, maxLength: 4 }), tag, digest, (d, parts, t, at) => {
        fc.pre(!isImageId(d + parts.join('/') + t + at));
        const once = parseReference(d + parts.join('/') + t + at);
        expect(parseReference(once.toString()).toString()).toBe(once.toString());
        expect(once.tag === undefined).toBe(once.digest !== undefined);
      }),
    );
  });

  it('answers or refuses any text at once, however long', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const found = tryParseReference(text);
        if (found) expect(parseReference(found.toString()).toString()).toBe(found.toString());
      }),
    );
    for (const unit of ['a', '-', 'a.', 'a/', '_', '@', ':', 'a:a/', '[']) {
      const text = unit.repeat(1 << 20);
      const least = leastMs(1000, () => expect(tryParseReference(text)).toBeUndefined());
      expect(least).toBeLessThan(1000); // not in proportion to its square: that would be minutes
    }
  });
});

describe('isImageId', () => {
  it.each([
    [HEX, true],
    [DIGEST, true],
    [HEX.slice(1), false],
    [HEX.toUpperCase(), false],
    ['sha256:abc', false],
    ['busybox', false],
  ])('of %s is %s', (text, is) => {
    expect(isImageId(text)).toBe(is);
  });
});

describe('withDigest', () => {
  it('names the same repository by digest', () => {
    expect(withDigest(parseReference('a/b:1'), DIGEST).toString()).toBe(`docker.io/a/b@${DIGEST}`);
  });
});
