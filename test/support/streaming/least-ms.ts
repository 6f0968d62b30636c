import { readFileSync } from 'node:fs';

/** What this thread has worked, in milliseconds. Time in which others have the processor is not counted. */
export function workedMs(): number {
  process.cpuUsage(); // for which the kernel brings the account of this thread up to date: otherwise it is up to a tick behind
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / 1e6;
}

/** The least time of several runs, in milliseconds: how long one run holds the event loop. `prepare` is not counted. */
export function leastMs<T>(prepare: () => T, act: (prepared: T) => void, runs = 5): number {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const prepared = prepare();
    const since = workedMs();
    act(prepared);
    least = Math.min(least, workedMs() - since);
  }
  return least;
}

/** No piece of work may hold the event loop for longer than this, in milliseconds. */
export const MOST_HELD_MS = 50;
