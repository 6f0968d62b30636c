import { HeldBytes, type Holder } from '../../../src/rpc/held-bytes';

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

  it('leaves alone who waits for nobody, and who holds little', () => {
    held.set(holder('works', false), 990 * KIB);
    held.set(holder('little'), 64 * KIB);
    held.set(holder('much'), 65 * KIB);
    expect(given).toEqual(['much']);
  });

  it('has room again for what is released', () => {
    const first = holder('first', false);
    held.set(first, LIMIT);
    held.set(first, 0);
    held.set(holder('second'), LIMIT);
    expect(given).toEqual([]);
  });
});
