import { PullError, refused } from '../../../src/images/errors';
import { redactText, redactUrl } from '../../../src/images/redact';
import { leastMs } from '../../support/least-ms';

describe('redactUrl', () => {
  it.each([
    ['https://user:pass@host:5000/v2/a?X-Amz-Signature=s#f', 'https://host:5000/v2/a?<redacted>'],
    ['http://host/v2/', 'http://host/v2/'],
    ['nonsense', '<not a URL>'],
  ])('shows %s as %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });
});

describe('redactText', () => {
  it.each([
    ['GET https://u:p@h/x?sig=1: refused', 'GET https://h/x?<redacted>: refused'],
    ['(https://h/x?a=b), and "http://i/y?c"', '(https://h/x?<redacted>), and "http://i/y?<redacted>"'],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer <redacted>'],
    ['sent basic dXNlcjpwYXNz to it', 'sent basic <redacted> to it'],
    ['Basic realm="x" is a challenge', 'Basic realm="x" is a challenge'],
    ['{"password":"hunter2","access_token": "t"}', '{"password":"<redacted>","access_token": "<redacted>"}'],
    ['refresh_token=abc&x=1', 'refresh_token=<redacted>&x=1'],
    ['line\nbreak\u0000', 'line break '],
    ['nothing to hide', 'nothing to hide'],
    ['://', '<not a URL>'],
  ])('turns %j into %j', (text, shown) => {
    expect(redactText(text)).toBe(shown);
  });

  it('takes no time over a megabyte', () => {
    for (const unit of ['a.', '://', 'a', 'bearer ', 'password=']) {
      const text = unit.repeat(1 << 19);
      expect(leastMs(200, () => redactText(text))).toBeLessThan(200);
    }
  });
});

describe('PullError', () => {
  it('tells its cause without the secrets in it, and does not keep it', () => {
    const error = refused('pull failed', new Error('GET https://u:p@h/x?sig=1 failed'));
    expect(error.message).toBe('pull failed: GET https://h/x?<redacted> failed');
    expect(error.cause).toBeUndefined();
    expect(error).toMatchObject({ kind: 'other', name: 'PullError' });
  });

  it('keeps the code of a system error', () => {
    const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    expect(new PullError('registry', 'x', cause).code).toBe('ECONNREFUSED');
  });
});
