import { Absences, uptime } from '../../chaos/absences';

describe('The absences of a daemon', () => {
  it('cover what happened between their begin and end, and in the second before', async () => {
    let now = 100;
    const absences = new Absences(() => now);
    await absences.during(async () => {
      expect(absences.cover(1000)).toBe(true);
      now = 103.5;
    });
    const times = [98.99, 99, 100, 103.5, 103.51, Number.NaN];
    expect(times.map((at) => absences.cover(at))).toEqual([false, true, true, true, false, false]);
  });

  it('cover what lies between two of them that are close to each other', async () => {
    let now = 100;
    const absences = new Absences(() => now);
    for (const begin of [100, 105, 112]) {
      now = begin;
      await absences.during(async () => {
        now = begin + 1;
      });
    }
    expect([102, 104, 107, 110.9, 111].map((at) => absences.cover(at))).toEqual([true, true, false, false, true]);
  });

  it('are told by the clock of the machine', () => {
    expect(uptime()).toBeGreaterThan(0);
  });
});
