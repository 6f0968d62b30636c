import { GiveUp } from '../../../src/cni/give-up';

describe('GiveUp', () => {
  const tries = (giveUp: GiveUp, id: string, times: number): boolean[] =>
    Array.from({ length: times }, () => giveUp.failed(id));

  it('needs many tries over a long time', () => {
    let now = 0;
    const giveUp = new GiveUp(() => now);
    expect(tries(giveUp, 'a', 50)).not.toContain(true);
    now = 10 * 60_000;
    expect(giveUp.failed('a')).toBe(true);
    expect(giveUp.failed('b')).toBe(false);
    now *= 2;
    expect(tries(giveUp, 'b', 8)).not.toContain(true);
    expect(giveUp.failed('b')).toBe(true);
  });

  it('begins anew after a success', () => {
    let now = 0;
    const giveUp = new GiveUp(() => now);
    tries(giveUp, 'a', 20);
    now = 10 * 60_000;
    giveUp.forget('a');
    expect(giveUp.failed('a')).toBe(false);
  });
});
