import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestNode } from './node';

/** A wait that nobody may have, in milliseconds: Version is promised an answer within a second, whatever guests do. */
export const ANSWERED_WITHIN_MS = 1000;

/** For how long others had the processor while the main thread of a process could have run (schedstat), in milliseconds. */
function heldOffMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6;
}

/**
 * Asks for the version again and again while `act` runs; answers the longest wait, in milliseconds. Time in which crisp or this
 * process could have run and others had the processor is not counted: machines are shared.
 */
export async function longestAnswer(node: TestNode, act: () => Promise<unknown>): Promise<number> {
  const client = node.connect();
  const heldOff = (): number => heldOffMs(node.crisp.daemon.pid) + heldOffMs(process.pid);
  let [over, longest] = [false, 0];
  // What it does at once, such as encoding a request, holds up this process and not crisp.
  const acting = act().finally(() => {
    over = true;
  });
  acting.catch(() => undefined); // it is told below
  while (!over) {
    const [since, before] = [performance.now(), heldOff()];
    await client.runtime.version({ version: '' });
    const took = performance.now() - since;
    longest = Math.max(longest, took - (heldOff() - before));
    await pause(5);
  }
  await acting;
  return longest;
}
