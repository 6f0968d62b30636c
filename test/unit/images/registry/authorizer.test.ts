import { Readable } from 'node:stream';
import { Authorizer } from '../../../../src/images/registry/authorizer';
import type { HttpClient, HttpRequest } from '../../../../src/images/registry/http';
import type { HttpResponse } from '../../../../src/images/registry/http-body';
import { upstreamHost } from '../../../../src/images/registry/registry-host';

/** A token request under way: a test answers it, or leaves it until its signal fires. */
interface Asked {
  readonly signal: AbortSignal;
  answer(token: string): void;
  fail(error: Error): void;
}

function setUp() {
  const asked: Asked[] = [];
  const request = ({ signal }: HttpRequest): Promise<HttpResponse> =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      const answer = (token: string): void => resolve(response(200, {}, JSON.stringify({ token })));
      asked.push({ signal, answer, fail: reject });
    });
  const http = { request } as unknown as HttpClient;
  const host = upstreamHost('registry.example');
  const options = { http, host, credentials: undefined, scope: 'repository:a:pull', isSecure: () => true };
  return { asked, authorizer: new Authorizer(options) };
}

function response(status: number, headers: Record<string, string>, text = ''): HttpResponse {
  const body = Readable.from([Buffer.from(text)]) as HttpResponse['body'];
  return { status, headers, body, url: new URL('https://registry.example/v2/'), foreign: false };
}

const challenge = (): HttpResponse =>
  response(401, { 'www-authenticate': 'Bearer realm="https://registry.example/token",service="s"' });
const never = new AbortController().signal;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function next(asked: Asked[], at = 0): Asked {
  const found = asked[at];
  if (!found) throw new Error('no token is asked for');
  return found;
}

describe('The token that several requests of a pull need', () => {
  it('is fetched once, and arrives although the request that asked first was given up', async () => {
    const { asked, authorizer } = setUp();
    const leaving = new AbortController();
    const first = authorizer.meet(challenge(), undefined, leaving.signal);
    const second = authorizer.meet(challenge(), undefined, never);
    leaving.abort(new Error('this part is not wanted any more'));
    await expect(first).rejects.toThrow('not wanted');
    await settle();
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([false]);
    next(asked).answer('t0ken');
    expect(await second).toBe(true);
    expect(await authorizer.authorization(never)).toEqual({ Authorization: 'Bearer t0ken' });
  });

  it('is not fetched to the end when all requests were given up, and is fetched anew for the next', async () => {
    const { asked, authorizer } = setUp();
    const leaving = new AbortController();
    const both = [1, 2].map(() => authorizer.meet(challenge(), undefined, leaving.signal));
    leaving.abort(new Error('the pull was given up'));
    for (const each of both) await expect(each).rejects.toThrow('given up');
    expect(next(asked).signal.aborted).toBe(true);
    const later = authorizer.meet(challenge(), undefined, never);
    await settle();
    next(asked, 1).answer('t0ken');
    expect(await later).toBe(true);
  });

  it('fails for all that wait for it, and is fetched anew for the next', async () => {
    const { asked, authorizer } = setUp();
    const both = [1, 2].map(() => authorizer.meet(challenge(), undefined, never));
    next(asked).fail(new Error('no route'));
    for (const each of both) await expect(each).rejects.toThrow('no route');
    const later = authorizer.meet(challenge(), undefined, never);
    next(asked, 1).answer('t0ken');
    expect(await later).toBe(true);
  });
});
