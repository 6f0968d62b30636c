/**
 * One piece of work may hold the event loop for 50 ms at its limit. Tests take three times as much, as a machine may be busy;
 * what grows with the square takes seconds.
 */
export const MOST_MS = 150;

/**
 * For how many milliseconds of processor time `act` holds the event loop: the least of five runs. With SHOW_TIMES in the
 * environment it is printed.
 */
export function heldFor(what: string, act: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    act();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  const least = Math.min(...times);
  if (process.env.SHOW_TIMES) process.stderr.write(`${what}: ${least.toFixed(1)} ms\n`);
  return least;
}
