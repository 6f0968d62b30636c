import {
  MOST_REQUESTS,
  REQUEST_BYTES,
  RequestCache,
  SPARE_BYTES,
  SPARE_REQUESTS,
  TooManyRequests,
} from '../../../src/streaming/request-cache';

const MINUTE = 60_000;

function cacheAt(start = 0) {
  const clock = { now: start };
  return { clock, cache: new RequestCache<string>({ now: () => clock.now }) };
}

describe('RequestCache', () => {
  it('answers a request to its token, once', () => {
    const { cache } = cacheAt();
    const token = cache.insert('a');
    expect(cache.take(token)).toBe('a');
    expect(cache.take(token)).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('keeps requests apart', () => {
    const { cache } = cacheAt();
    const [first, second] = [cache.insert('a'), cache.insert('b')];
    expect(cache.take(second)).toBe('b');
    expect(cache.take(first)).toBe('a');
  });

  it.each([
    ['just before a minute has passed', MINUTE - 1, 'a'],
    ['after a minute', MINUTE, undefined],
  ])('knows a token %s: %s ms', (_when, passed, expected) => {
    const { clock, cache } = cacheAt(5);
    const token = cache.insert('a');
    clock.now += passed;
    expect(cache.take(token)).toBe(expected);
  });

  it('gives out a thousand and no more, until one is used or too old', () => {
    const { clock, cache } = cacheAt();
    const tokens = Array.from({ length: 1000 }, () => cache.insert('a'));
    expect(() => cache.insert('b')).toThrow(TooManyRequests);
    cache.take(tokens[500] ?? '');
    cache.insert('b');
    expect(() => cache.insert('b')).toThrow(TooManyRequests);
    clock.now += MINUTE;
    cache.insert('c');
    expect(cache.size).toBe(1);
  });

  it('holds requests up to a weight together, and not a byte more, until one is used, too old or no longer served', () => {
    const clock = { now: 0 };
    const cache = new RequestCache<number>({ now: () => clock.now, weigh: (bytes) => bytes });
    const token = cache.insert(REQUEST_BYTES - 10);
    cache.insert(10);
    expect(() => cache.insert(1)).toThrow(TooManyRequests);
    const taken = cache.take(token) ?? 0;
    const over = cache.keep(taken);
    expect(() => cache.insert(1)).toThrow(`more than ${REQUEST_BYTES} bytes`);
    over();
    over();
    cache.insert(REQUEST_BYTES - 10);
    expect(() => cache.insert(1)).toThrow(TooManyRequests);
    clock.now += MINUTE;
    cache.insert(REQUEST_BYTES);
    expect(() => cache.insert(1)).toThrow(TooManyRequests);
  });

  it('gives one owner half of the requests, and always one to a further owner', () => {
    const cache = new RequestCache<string>({ now: () => 0, owner: (value) => value });
    for (let i = 0; i < MOST_REQUESTS / 2; i++) cache.insert('one');
    expect(() => cache.insert('one')).toThrow(TooManyRequests);
    for (let i = 0; i < MOST_REQUESTS / 2 - SPARE_REQUESTS.seats; i++) cache.insert('two');
    expect(() => cache.insert('two')).toThrow(TooManyRequests);
    cache.insert('three');
    expect(() => cache.insert('three')).toThrow(TooManyRequests);
    cache.insert('four');
  });

  it('gives one owner half of the bytes, and a further owner always enough for a command', () => {
    const cache = new RequestCache<{ owner: string; bytes: number }>({
      now: () => 0,
      owner: ({ owner }) => owner,
      weigh: ({ bytes }) => bytes,
    });
    cache.insert({ owner: 'one', bytes: REQUEST_BYTES / 2 });
    expect(() => cache.insert({ owner: 'one', bytes: 1 })).toThrow(TooManyRequests);
    cache.insert({ owner: 'two', bytes: REQUEST_BYTES / 2 - SPARE_BYTES.seats });
    expect(() => cache.insert({ owner: 'two', bytes: 1 })).toThrow(TooManyRequests);
    expect(() => cache.insert({ owner: 'three', bytes: SPARE_BYTES.each + 1 })).toThrow(TooManyRequests);
    cache.insert({ owner: 'three', bytes: SPARE_BYTES.each });
    cache.insert({ owner: 'one', bytes: 0 });
  });

  it('tells whether a token is good, and does not spend it', () => {
    const { clock, cache } = cacheAt();
    const token = cache.insert('a');
    expect([cache.has(token), cache.has(token), cache.has('other')]).toEqual([true, true, false]);
    clock.now += MINUTE;
    expect(cache.has(token)).toBe(false);
  });

  it('gives out tokens that are 128 random bits, safe in a path, and never the same', () => {
    const { cache } = cacheAt();
    const tokens = Array.from({ length: 1000 }, () => cache.insert('a'));
    expect(new Set(tokens).size).toBe(1000);
    expect(tokens.filter((token) => !/^[A-Za-z0-9_-]{22}$/.test(token))).toEqual([]);
    const bytes = tokens.map((token) => Buffer.from(token, 'base64url'));
    // Each bit is set about half the time: 1000 throws differ from 500 by more than 100 once in a billion tests.
    for (let bit = 0; bit < 128; bit++) {
      const set = bytes.filter((token) => ((token[bit >> 3] ?? 0) >> (bit & 7)) & 1).length;
      expect(Math.abs(set - 500)).toBeLessThan(110);
    }
  });

  it.each(['', 'x', '__proto__', 'constructor'])('knows no token %p', (token) => {
    expect(cacheAt().cache.take(token)).toBeUndefined();
  });
});
