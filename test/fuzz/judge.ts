import { errorMessage } from '../../src/base/errors';
import { bytesOf, type Input, stretched } from './input';
import type { Target } from './target';

const MIB = 1 << 20;
/** What a MiB may cost on a machine of one to scale by, in milliseconds of processor time. */
const MIB_MS = 50;
/** Below this, more is measured of the machine than of the parser. */
const LEAST_MS = 8;
/** From what is quick to tell to what is asked for: what grows with the square is found out before it takes minutes. */
const SIZES = [16 << 10, 64 << 10, 256 << 10, MIB, 4 * MIB, 8 * MIB];
/** The least of so many measurements counts: the first runs in code that has not been compiled. */
const TRIES = 6;
const SETTLES_MS = 10_000;

/** Milliseconds that the work of `calibrate` takes on the machine by which the limits were set, with nothing else going on. */
const REFERENCE_MS = 20;

/** What a parser did that it may not do. */
export class Misread extends Error {
  override readonly name = 'Misread';
}

/** Lets a target read an input. Rejects with a Misread when it throws what is not its own, or never comes to an end. */
export async function judge(target: Target, input: Input): Promise<void> {
  try {
    await settled(target.read(bytesOf(input)));
  } catch (thrown) {
    if (!isOverflow(thrown) && target.refuses?.(thrown)) return;
    const name =
      typeof thrown === 'object' && thrown !== null && 'name' in thrown ? String(thrown.name) : typeof thrown;
    throw new Misread(`${target.name} threw ${name}: ${errorMessage(thrown).slice(0, 300)}`, { cause: thrown });
  }
}

/** How much slower than the reference this machine is now; at least 1. */
export function calibrate(): number {
  const text = JSON.stringify(Array.from({ length: 40_000 }, (_, at) => ({ at, name: `name-${at}` })));
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) {
    const before = cpuMs();
    JSON.parse(text);
    least = Math.min(least, cpuMs() - before);
  }
  return Math.max(1, least / REFERENCE_MS);
}

/**
 * Repeats the input's piece in larger and larger inputs, to a MiB and on to the target's own limit. Answers the milliseconds
 * that the largest took; rejects with a Misread when one takes more than its part of the time for a MiB.
 */
export async function growth(target: Target, pump: Input, scale: number, upTo = target.most ?? MIB): Promise<number> {
  let took = 0;
  for (const size of SIZES.filter((each) => each <= upTo)) {
    const input = stretched(pump, size);
    took = await costWithin(target, input, scale);
  }
  return took;
}

/** The milliseconds that an input takes. Rejects with a Misread when these are more than an input of its size may take. */
export async function costWithin(target: Target, input: Input, scale: number): Promise<number> {
  const bytes = bytesOf(input);
  const most = Math.max(LEAST_MS, ((target.mibMs ?? MIB_MS) * bytes.length) / MIB) * scale;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) {
    const before = cpuMs();
    await judge(target, input);
    least = Math.min(least, cpuMs() - before);
    if (least <= most) return least;
    if (least > 20 * most) break; // that is no noise
  }
  const [ms, limit] = [least.toFixed(0), most.toFixed(0)];
  throw new Misread(`${target.name} took ${ms} ms of processor time for ${bytes.length} bytes, more than ${limit}`);
}

async function settled(outcome: unknown): Promise<void> {
  if (!(outcome instanceof Promise)) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it has not come to an end within ${SETTLES_MS} ms`)), SETTLES_MS);
  });
  await Promise.race([outcome, late]).finally(() => clearTimeout(timer));
}

/** A stack that has overflowed is no error of anybody's own, whatever it was wrapped in. */
function isOverflow(thrown: unknown): boolean {
  return /call stack/.test(errorMessage(thrown));
}

/** Processor time of this process, in milliseconds: a machine that is busy with other things takes none of it. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
