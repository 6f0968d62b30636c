import { until } from '../daemon/process';
import type { CrashNode, CrashPoint } from './crash-points';

/** Every moment of each call, not only those that differ: minutes more. */
const ALL = process.env.CRASH_STEPS === 'all';
const SETTLES_MS = 20_000;

/** A call, what comes before it, and what must hold when it was cut off by a kill and made again. */
export interface Story<Ground> {
  /** Makes what the call needs. */
  prepare(): Promise<Ground>;
  call(ground: Ground): Promise<unknown>;
  /** Makes the call again as kubelet does, and looks at what has come of it. */
  again(ground: Ground): Promise<void>;
  /** Takes everything away that `prepare` and the call have made. */
  clean(ground: Ground): Promise<void>;
}

/** How many things there are because of pods, by kind. */
export type Counts = Record<string, number>;

export function counts(crash: CrashNode): Counts {
  const kinds = Object.entries(crash.node.traces()).map(([kind, list]): [string, number] => [kind, list.length]);
  return Object.fromEntries(kinds.filter(([, count]) => count > 0));
}

/** Waits until there is exactly so much; what was left half-made may be swept up a moment later. */
async function settle(crash: CrashNode, what: string, wanted: Counts): Promise<void> {
  const text = JSON.stringify(wanted);
  let now = '';
  await until(what, SETTLES_MS, async () => {
    now = JSON.stringify(counts(crash));
    return now === text;
  }).catch(() => {
    throw new Error(`${what}: ${now} instead of ${text}`);
  });
}

/** What became of a story: how many moments crisp was killed at, and what went wrong, by moment. */
export interface Outcome {
  readonly kills: number;
  /** Moments that did not come again: of calls made side by side, there is not always the same number. */
  readonly missed: readonly string[];
  readonly wrong: Record<string, string>;
}

/**
 * Learns the moments of a story from a good run, then kills crisp at each in turn, starts it again, makes the call again
 * and compares all that is there with what the good run left; then cleans up and compares with what was there before.
 */
export async function killAtEachStep<Ground>(crash: CrashNode, story: Story<Ground>): Promise<Outcome> {
  const first = await story.prepare();
  await crash.restartQuietly();
  const points = await crash.learn(() => story.call(first), { all: ALL });
  await story.again(first);
  const good = counts(crash);
  await story.clean(first);
  const before = counts(crash);
  const wrong: Record<string, string> = {};
  const only = process.env.CRASH_POINT;
  const missed: string[] = [];
  let kills = 0;
  for (const point of points) {
    const name = `${point.moment} ${point.nth}`;
    if (only && only !== name) continue;
    const started = Date.now();
    try {
      if (await killOnce(crash, story, { point, good, before })) kills += 1;
      else missed.push(name);
    } catch (error) {
      wrong[name] = error instanceof Error ? error.message : String(error);
    }
    if (process.env.CRASH_VERBOSE) console.log(`${name}: ${Date.now() - started} ms ${wrong[name] ?? ''}`);
  }
  return { kills, missed, wrong };
}

/** False when the moment did not come. */
async function killOnce<Ground>(
  crash: CrashNode,
  story: Story<Ground>,
  { point, good, before }: { point: CrashPoint; good: Counts; before: Counts },
): Promise<boolean> {
  // What crisp remembers, it does not ask again: then the moment comes only when it has just been started.
  for (const fresh of [false, true]) {
    const ground = await story.prepare();
    if (fresh) await crash.restartQuietly();
    const reached = await crash.crash(point, () => story.call(ground));
    try {
      if (!reached) continue;
      await story.again(ground);
      await settle(crash, 'one whole object and nothing else', good);
      return true;
    } finally {
      await story.clean(ground);
      await settle(crash, 'nothing', before);
    }
  }
  return false;
}
