import { credentialsFor } from '../../../src/images/credentials';
import { tryParseReference } from '../../../src/images/reference';

const MIB = 1024 * 1024;
const own = { host: 'r.example', domain: 'r.example' };
const read = (auth: string): unknown => {
  try {
    return credentialsFor({ auth }, own);
  } catch (error) {
    return error;
  }
};

/** Texts of PullImage at their longest: a reference at its own limit, `auth` at that of a text of a request. */
const WORK: Record<string, () => unknown> = {
  'a reference of 1024 characters': () => tryParseReference(`r.example/${'a/'.repeat(507)}`),
  'a reference of 1 MiB': () => tryParseReference('a/'.repeat(MIB / 2)),
  'credentials of 1 MiB': () => read(Buffer.from(`user:${'x'.repeat((MIB * 3) / 4)}`).toString('base64')),
  'credentials that are 1 MiB of zeros and no more': () => read('A'.repeat(MIB)),
  'credentials of 1 MiB whose last character is wrong': () => read(`${'A'.repeat(MIB)}!`),
};

describe('What a caller of PullImage sizes', () => {
  it.each(Object.entries(WORK))('holds the event loop for less than 50 ms: %s', (_what, act) => {
    const times = Array.from({ length: 7 }, () => {
      const started = performance.now();
      act();
      return performance.now() - started;
    });
    const least = Math.min(...times);
    if (process.env.SHOW_TIMES) process.stdout.write(`${least.toFixed(1)} ms: ${_what}\n`);
    expect(least).toBeLessThan(50);
  });
});
