import { HeldBytes, type Holder } from '../../../../src/rpc/server/held-bytes';

const KIB = 1024;
const LIMIT = 1000 * KIB;

let held: HeldBytes;
let given: string[];
beforeEach(() => {
  held = new HeldBytes(LIMIT);
  given = [];
});

const holder = (name: string, waits = true): Holder => ({ waits, giveUp: () => given.push(name) });

describe('HeldBytes', () => {
  it('gives nobody up at the limit, and whoever holds most one above', () => {
    const [small, large] = [holder('small'), holder('large')];
    held.set(small, 400 * KIB);
    held.set(large, 600 * KIB);
    expect(given).toEqual([]);
    held.set(small, 400 * KIB + 1);
    expect(given).toEqual(['large']);
  });

  it('gives up as many as it takes', () => {
    for (const name of ['a', 'b', 'c']) held.set(holder(name), 300 * KIB);
    held.set(holder('d', false), 700 * KIB);
    expect(given).toEqual(['a', 'b']);
  });

  it('leaves alone who waits for nobody, and who holds little beside what is large', () => {
    held.set(holder('works', false), 990 * KIB);
    held.set(holder('little'), 64 * KIB);
    held.set(holder('much'), 65 * KIB);
    expect(given).toEqual(['much']);
  });

  it('gives up small holders, too: of those beyond half of the limit the oldest', () => {
    const names = Array.from({ length: 10 }, (_, index) => `${index}`);
    for (const name of names) held.set(holder(name), 50 * KIB);
    expect(given).toEqual([]);
    held.set(holder('last'), 1);
    expect(given).toEqual(['0']);
  });

  it('has bounds for any number of small holders', () => {
    let kept = 0;
    const giveUp = (): void => {
      kept -= 60 * KIB;
    };
    for (let count = 0; count < 50_000; count++) {
      kept += 60 * KIB;
      held.set({ waits: true, giveUp }, 60 * KIB);
    }
    expect(kept).toBeLessThanOrEqual(LIMIT / 2);
    expect(kept).toBeGreaterThan(LIMIT / 2 - 60 * KIB);
  });

  it('leaves alone for a while who has moved', () => {
    let now = 0;
    held = new HeldBytes(LIMIT, { stillMs: 100, now: () => now });
    const [still, moves] = [holder('still'), holder('moves')];
    held.set(still, 300 * KIB);
    held.set(moves, 900 * KIB);
    now = 99;
    held.set(moves, 890 * KIB);
    held.shrink();
    expect(given).toEqual([]);
    expect(held.over).toBe(true);
    now = 100;
    held.shrink();
    expect(given).toEqual(['still']);
    expect(held.over).toBe(false);
  });

  it('has room again for what is released', () => {
    const first = holder('first', false);
    held.set(first, LIMIT);
    held.set(first, 0);
    held.set(holder('second'), LIMIT);
    expect(given).toEqual([]);
  });
});
