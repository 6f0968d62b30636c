import { leastMs } from './least-ms';

/**
 * One piece of work may hold the event loop for 50 ms at its limit. Tests take three times as much, as a machine may be busy;
 * what grows with the square takes seconds.
 */
export const MOST_MS = 150;

/**
 * For how many milliseconds `act` holds the event loop: the least that this thread worked at it. With SHOW_TIMES in the
 * environment it is printed.
 */
export function heldFor(what: string, act: () => unknown, limitMs = MOST_MS): number {
  const least = leastMs(limitMs, act);
  if (process.env.SHOW_TIMES) process.stderr.write(`${what}: ${least.toFixed(1)} ms\n`);
  return least;
}
