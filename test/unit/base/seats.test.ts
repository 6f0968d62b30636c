import { Seats } from '../../../src/base/seats';

describe('Seats', () => {
  it('are given out up to their number, and not one more until one is given back', () => {
    const seats = new Seats(4, 4);
    const taken = Array.from({ length: 4 }, () => seats.take('a'));
    expect(taken).not.toContain(undefined);
    expect(seats.take('b')).toBeUndefined();
    taken[1]?.();
    expect(seats.take('b')).toBeDefined();
    expect(seats.take('b')).toBeUndefined();
  });

  it('are half of them one owner’s at most, so that another finds some', () => {
    const seats = new Seats(5);
    const own = Array.from({ length: 3 }, () => seats.take('a'));
    expect(own).not.toContain(undefined);
    expect(seats.take('a')).toBeUndefined();
    expect(seats.take('b')).toBeDefined();
    own[0]?.();
    expect(seats.take('a')).toBeDefined();
  });

  it('are given back once, however often that is said', () => {
    const seats = new Seats(2, 2);
    const leave = seats.take('a');
    seats.take('a');
    leave?.();
    leave?.();
    expect(seats.taken).toBe(1);
  });
});
