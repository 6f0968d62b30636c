import { GiveUp } from '../../../src/cni/give-up';

describe('GiveUp', () => {
  const tries = (giveUp: GiveUp, id: string, times: number): boolean[] =>
    Array.from({ length: times }, () => giveUp.failed(id));

  it('takes five tries', () => {
    const giveUp = new GiveUp(() => 0);
    expect(tries(giveUp, 'a', 4)).not.toContain(true);
    expect(giveUp.failed('b')).toBe(false);
    expect(giveUp.failed('a')).toBe(true);
  });

  it('takes fewer tries over five minutes', () => {
    let now = 0;
    const giveUp = new GiveUp(() => now);
    expect(giveUp.failed('a')).toBe(false);
    now = 5 * 60_000 - 1;
    expect(giveUp.failed('a')).toBe(false);
    now += 1;
    expect(giveUp.failed('a')).toBe(true);
  });

  it('begins anew after a success', () => {
    const giveUp = new GiveUp(() => 0);
    tries(giveUp, 'a', 4);
    giveUp.forget('a');
    expect(tries(giveUp, 'a', 4)).not.toContain(true);
  });
});
