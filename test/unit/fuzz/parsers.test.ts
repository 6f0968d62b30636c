import fc from 'fast-check';
import { calibrate, costWithin, growth, judge } from '../../fuzz/judge';
import { fileName, keptNames, keptOf } from '../../fuzz/kept';
import { inputs } from '../../fuzz/mutate';
import { TARGETS } from '../../fuzz/targets/all';
import { closeConversations } from '../../fuzz/targets/conversation';

/** Chance decides in `make fuzz`; here everybody reads the same. */
const SEED = 15;
const RUNS = 60;
/** Enough to tell what grows with the square. */
const BYTES = 64 << 10;
/** Above what other tests at the same time make of a parser's time; the square is far above that. */
const SLACK = 4;

let scale = 1;
beforeAll(() => {
  scale = calibrate() * SLACK;
});

afterAll(closeConversations);

describe.each(TARGETS.map((target) => [target.name, target] as const))('%s', (name, target) => {
  it('reads what it is meant for', async () => {
    const [first = ''] = target.seeds;
    expect(await target.read(Buffer.from(first, 'latin1'))).not.toBe(false);
  });

  it('reads, or refuses in its own words, what once failed', async () => {
    for (const kept of keptOf(name)) await costWithin(target, kept, scale);
  });

  it('reads, or refuses in its own words, whatever becomes of what it is meant for', async () => {
    const property = fc.asyncProperty(inputs(target), (input) => judge(target, input));
    await fc.assert(property, { seed: SEED, numRuns: RUNS });
  });

  it('takes no more time for each byte when its input goes on and on', async () => {
    for (const piece of target.tokens) await growth(target, { before: '', piece, times: 1 }, scale, BYTES);
  });
});

it('keeps what once failed for parsers that there are', () => {
  const names = new Set(TARGETS.map(({ name }) => fileName(name)));
  expect(keptNames().filter((name) => !names.has(name))).toEqual([]);
});
