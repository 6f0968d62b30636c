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

  it('are told by the clock of the machine', () => {
    expect(uptime()).toBeGreaterThan(0);
  });
});
