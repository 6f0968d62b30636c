import { readFileSync } from 'node:fs';

/** Machines are shared: a run that shares its caches and its core is repeated, one that is slow by itself stays slow. */
const TRIES_FOR_MS = 20_000;
const TRIES_AT_LEAST = 5;

/** No piece of work may hold the event loop for longer than this, in milliseconds. */
export const MOST_HELD_MS = 50;

/** What this thread has worked, in milliseconds. Time in which others have the processor is not counted. */
export function workedMs(): number {
  process.cpuUsage(); // for which the kernel brings the account of this thread up to date: otherwise it is up to a tick behind
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / 1e6;
}

/** The shortest time that this thread worked at `act`, in milliseconds, over the runs of `leastOf`. */
export function leastMs(limitMs: number, act: () => unknown): number {
  return leastMsWith(limitMs, () => undefined, act);
}

/** The same for what needs something new each time; making that is not counted. */
export function leastMsWith<T>(limitMs: number, prepare: () => T, act: (prepared: T) => unknown): number {
  return leastOf(limitMs, () => {
    const prepared = prepare();
    const before = workedMs();
    act(prepared);
    return workedMs() - before;
  });
}

/** The least that `measure` answers; it is repeated until that is less than `limit`, or for 20 s. */
export function leastOf(limit: number, measure: () => number): number {
  const tries = new Tries(limit);
  while (tries.goOn()) tries.add(measure());
  return tries.least;
}

/** The same for what is measured over turns of the event loop. */
export async function leastOverTurns(limit: number, measure: () => Promise<number>): Promise<number> {
  const tries = new Tries(limit);
  while (tries.goOn()) tries.add(await measure());
  return tries.least;
}

class Tries {
  least = Number.POSITIVE_INFINITY;
  private count = 0;
  private readonly giveUpAt = performance.now() + TRIES_FOR_MS;

  constructor(private readonly limit: number) {}

  goOn(): boolean {
    return this.count < TRIES_AT_LEAST || (this.least >= this.limit && performance.now() < this.giveUpAt);
  }

  add(measured: number): void {
    this.count += 1;
    this.least = Math.min(this.least, measured);
  }
}
