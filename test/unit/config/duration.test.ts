import { parseDuration } from '../../../src/config/duration';

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['250ms', 250],
    ['10s', 10_000],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['1m0.5s', 60_500],
    ['1500us', 1.5],
  ])('reads %s as %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '10', 's', '-5s', '5 m', '5m ', '1h30', '1d', 'h1', '1.s', '5mm'])('refuses %p', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
