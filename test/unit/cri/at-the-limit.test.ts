import { longestPiece, PIECES } from '../../support/pieces-at-the-limit';

/**
 * What a request's limits let through must not hold the event loop for long: at each limit, every piece of work that its size
 * decides is done here. docs/security.md has the times that `node test/support/run-typescript.mjs test/bench/at-the-limit.ts`
 * prints: none is over 50 ms.
 */

/** Under jest some of this work takes three times as long, and processors are slower where all of their cores are busy. */
const ALLOWED_MS = 150;

describe('At the limit, the event loop is not held up where', () => {
  it.each(PIECES)('%s', (_what, act) => {
    expect(longestPiece(act, ALLOWED_MS)).toBeLessThan(ALLOWED_MS);
  });
});
