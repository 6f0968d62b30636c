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

  it('are taken together or not at all', () => {
    const seats = new Seats(10, 6);
    expect(seats.take('a', 7)).toBeUndefined();
    const leave = seats.take('a', 6);
    expect(seats.take('b', 5)).toBeUndefined();
    expect(seats.take('b', 4)).toBeDefined();
    leave?.();
    expect([seats.taken, seats.take('b', 3)]).toEqual([4, undefined]);
  });

  it('are kept in part for owners that have few, up to their number and not one more', () => {
    const seats = new Seats(10, 5, { seats: 2, each: 1 });
    const own = Array.from({ length: 5 }, () => seats.take('a'));
    expect(own).not.toContain(undefined);
    expect(Array.from({ length: 4 }, () => seats.take('b') !== undefined)).toEqual([true, true, true, false]);
    expect([seats.take('c') !== undefined, seats.take('c')]).toEqual([true, undefined]);
    expect(seats.take('d')).toBeDefined();
    expect(seats.take('e')).toBeUndefined();
  });
});
