import { StatsClock } from '../../../src/sampler/stats-clock';

const MS = 1_000_000n;
const SECOND = 1000n * MS;

/** Two clocks that a test moves. */
class Clocks {
  wall = 1_000n * SECOND;
  monotonic = 5n * SECOND;
  readonly clock = new StatsClock(
    () => this.wall,
    () => this.monotonic,
  );

  pass(ns: bigint): void {
    this.wall += ns;
    this.monotonic += ns;
  }
}

describe('StatsClock', () => {
  it('tells moments by the wall clock, as far apart as the machine counts', () => {
    const clocks = new Clocks();
    expect(clocks.clock.now()).toEqual({ readAt: 5n * SECOND, timestamp: 1000n * SECOND });
    clocks.pass(500n * MS);
    expect(clocks.clock.at(clocks.monotonic - 200n * MS).timestamp).toBe(1000n * SECOND + 300n * MS);
  });

  it('does not tell what Date.now() cuts off: the rate over a millisecond would be wrong', () => {
    const clocks = new Clocks();
    const first = clocks.clock.now();
    clocks.monotonic += MS / 2n; // the wall clock still says the same millisecond
    expect(clocks.clock.now().timestamp - first.timestamp).toBe(MS / 2n);
  });

  it('goes on while the wall clock is set back a little', () => {
    const clocks = new Clocks();
    const first = clocks.clock.now();
    clocks.pass(SECOND);
    clocks.wall -= 900n * MS;
    const second = clocks.clock.now();
    expect(second.timestamp - first.timestamp).toBe(SECOND);
  });

  it.each([
    ['forward', 3600n * SECOND],
    ['back by more than a second', -3600n * SECOND],
  ])('follows a wall clock that is set %s', (_, step) => {
    const clocks = new Clocks();
    clocks.clock.now();
    clocks.pass(SECOND);
    clocks.wall += step;
    expect(clocks.clock.now()).toEqual({ readAt: 6n * SECOND, timestamp: 1001n * SECOND + step });
  });

  it('tells how old a moment is whatever becomes of the wall clock', () => {
    const clocks = new Clocks();
    const then = clocks.clock.now();
    clocks.pass(250n * MS);
    clocks.wall -= 3600n * SECOND;
    expect(clocks.clock.ageMs(then)).toBe(250);
  });
});
