import { setTimeout as pause } from 'node:timers/promises';

/** Machines are shared: this is a limit for what never comes, not for what is slow. */
const WITHIN_MS = 20_000;

/** Lets the event loop go on until something holds; rejects with what was waited for when it never does. */
export async function until(what: string, holds: () => boolean, withinMs = WITHIN_MS): Promise<void> {
  const giveUpAt = Date.now() + withinMs;
  while (!holds()) {
    if (Date.now() > giveUpAt) throw new Error(`never came: ${what}`);
    await pause(1);
  }
}

/** Lets everything that is ready happen, some rounds of the event loop long: what has not come then is not on its way. */
export async function settle(rounds = 20): Promise<void> {
  for (let i = 0; i < rounds; i++) await pause(1);
}
