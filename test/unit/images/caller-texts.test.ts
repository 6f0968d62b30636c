import { tryParseReference } from '../../../src/images/document/reference';
import { credentialsFor } from '../../../src/images/registry/credentials';
import { heldFor } from '../../support/held-for';
import { MOST_HELD_MS } from '../../support/least-ms';

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
  it.each(Object.entries(WORK))('holds the event loop for less than 50 ms: %s', (what, act) => {
    expect(heldFor(what, act, MOST_HELD_MS)).toBeLessThan(MOST_HELD_MS);
  });
});
