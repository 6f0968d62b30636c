import { growth, judge, Misread } from '../../fuzz/judge';
import { readTarget } from '../../fuzz/read-target';
import type { Target } from '../../fuzz/target';

class Refusal extends Error {}

function target(read: (bytes: Buffer) => unknown): Target {
  return {
    ...{ name: 'a/b', seeds: ['[1,2,3]'], tokens: ['[', '}'], read },
    refuses: (thrown) => thrown instanceof Refusal,
  };
}

const any = { before: 'x' };

describe('A parser is found out', () => {
  it.each<[string, (bytes: Buffer) => unknown]>([
    ['a TypeError', () => (undefined as unknown as string).length],
    ['a promise that is rejected with one', async () => (undefined as unknown as string).length],
    ['something that is no error', () => Promise.reject('text')],
    [
      'a stack that overflows, whatever it is wrapped in',
      () => {
        const deeper = (): number => 1 + deeper();
        try {
          return deeper();
        } catch (error) {
          throw new Refusal('refused', { cause: error });
        }
      },
    ],
  ])('that throws %s', async (_what, read) => {
    await expect(judge(target(read), any)).rejects.toThrow(Misread);
  });

  it('that takes time by the square of its input', async () => {
    const quadratic = target((bytes) => {
      let sum = 0;
      for (let i = 0; i < bytes.length; i += 2) for (let j = 0; j < bytes.length; j++) sum += bytes[j] ?? 0;
      return sum;
    });
    await expect(growth(quadratic, { before: '', piece: 'x' }, 4)).rejects.toThrow('of processor time');
  });

  it('by inputs of chance, of which the smallest is told', async () => {
    const fussy = target((bytes) => {
      if (bytes.includes('}')) throw new TypeError('a brace');
    });
    const { failed } = await readTarget(fussy, { seconds: 5, seed: 1, scale: 1, begins: () => undefined });
    expect(failed).toEqual([expect.objectContaining({ why: expect.stringContaining('a brace') })]);
    expect(failed[0]?.before.length).toBeLessThan(30);
  });
});

describe('A parser is left alone', () => {
  it('that refuses in its own words, or reads', async () => {
    const fine = target((bytes) => {
      if (bytes.length % 2 === 1) throw new Refusal('odd');
    });
    await expect(judge(fine, any)).resolves.toBeUndefined();
    await expect(judge(fine, { before: 'xx' })).resolves.toBeUndefined();
  });

  it('whose time grows with its input', async () => {
    const linear = target((bytes) => bytes.toString('latin1').split('x').length);
    await expect(growth(linear, { before: '', piece: 'xy' }, 20)).resolves.toBeGreaterThanOrEqual(0);
  });
});
