import { parentPort, workerData } from 'node:worker_threads';
import type { Input } from './input';
import { calibrate } from './judge';
import { readTarget } from './read-target';
import { TARGETS } from './targets/all';
import { closeConversations } from './targets/conversation';

/** What a thread is given: names of targets, and memory in which it says what it is reading. */
export interface Task {
  readonly names: readonly string[];
  /** For each of them. */
  readonly seconds: number;
  readonly seed: number;
  readonly shared: SharedArrayBuffer;
}

/** In the shared memory: how many inputs have been begun, the length of the last as JSON, and that. */
export const SHARED_BYTES = 1 << 20;
const HEAD_BYTES = 8;

/** Reads with each of the targets and tells of each what came of it. */
export async function main(): Promise<void> {
  const { names, seconds, seed, shared } = workerData as Task;
  const begins = (input: Input): void => note(shared, input);
  const scale = calibrate();
  for (const name of names) {
    const target = TARGETS.find((each) => each.name === name);
    if (!target) throw new Error(`there is no target ${name}`);
    parentPort?.postMessage({ name, begun: true });
    parentPort?.postMessage({ name, read: await readTarget(target, { seconds, seed, scale, begins }) });
  }
  await closeConversations();
}

function note(shared: SharedArrayBuffer, input: Input): void {
  const text = Buffer.from(JSON.stringify(input)).subarray(0, SHARED_BYTES - HEAD_BYTES);
  Buffer.from(shared, HEAD_BYTES).set(text);
  const [head] = [new Int32Array(shared, 0, 2)];
  Atomics.store(head, 1, text.length);
  Atomics.add(head, 0, 1);
}

/** How many inputs a thread has begun, and the last of them; one that is too long to be noted is left out. */
export function noted(shared: SharedArrayBuffer): { count: number; input: Input } {
  const head = new Int32Array(shared, 0, 2);
  const text = Buffer.from(Buffer.from(shared, HEAD_BYTES, Atomics.load(head, 1))).toString();
  try {
    return { count: Atomics.load(head, 0), input: JSON.parse(text) as Input };
  } catch {
    return { count: Atomics.load(head, 0), input: { before: '' } };
  }
}
