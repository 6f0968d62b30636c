import { errorMessage } from '../errors';
import type { Logger } from '../logger';
import { within } from '../wait/deadline';

/** Deadline of one undo. It never sees the caller's: a caller that has gone must not leave half a pod behind. */
const UNDO_TIMEOUT_MS = 60_000;

export type Undo = (signal: AbortSignal) => unknown;

/** Does one step: `act` runs; `undo` is armed before it, since what throws may still have done something. */
export type Step = <T>(name: string, act: () => T | Promise<T>, undo?: Undo) => Promise<T>;

export interface StepOptions {
  /** The caller's signal: looked at before each step, never by an undo. */
  signal: AbortSignal;
  log: Logger;
  /** Told the name of each step when it begins. */
  onStep?: (step: string) => void;
  /** Runs when an undo failed: what is left must stay listed so that Stop and Remove can finish it. */
  stuck?: () => unknown;
  /** Told which step failed, before the undoing, by a caller that logs the error itself; absent: it is logged here. */
  onFailed?: (step: string) => void;
  undoTimeoutMs?: number;
}

/** Runs branches of steps beside each other; when one fails, the others begin no further step, and what they had begun ends. */
export type Together = <T extends readonly unknown[]>(
  ...branches: { [K in keyof T]: () => Promise<T[K]> }
) => Promise<T>;

/**
 * Runs a story whose steps each have an undo. When a step throws, the armed undos run last first, each with a deadline
 * of its own, and the first error is thrown. When an undo fails, the ones armed before it are skipped (what is still
 * wired is not taken apart) and `stuck` runs, at its deadline if it is late; this rejects only when it has ended. A step that needs another begins when that one has ended, so that, beside
 * each other or not, it is undone before it.
 */
export async function inSteps<T>(
  options: StepOptions,
  story: (step: Step, together: Together) => Promise<T>,
): Promise<T> {
  const armed: { name: string; undo: Undo }[] = [];
  let current = '';
  let failed: { step: string; error: unknown } | undefined;
  const step: Step = async (name, act, undo) => {
    if (failed) throw failed.error;
    current = name;
    try {
      options.signal.throwIfAborted();
      if (undo) armed.push({ name, undo });
      options.onStep?.(name);
      return await (options.log.debugEnabled ? timed(name, act, options.log) : act());
    } catch (error) {
      failed ??= { step: name, error };
      throw error;
    }
  };
  const together: Together = async (...branches) => {
    const ended = await Promise.allSettled(branches.map((branch) => branch()));
    const broken = ended.find((end) => end.status === 'rejected');
    if (broken) throw failed ? failed.error : broken.reason;
    return ended.map((end) => (end.status === 'fulfilled' ? end.value : undefined)) as never;
  };
  try {
    return await story(step, together);
  } catch (error) {
    const at = failed?.step ?? current;
    options.onFailed?.(at);
    options.log[options.onFailed ? 'debug' : 'warn']('a step failed, undoing', {
      step: at,
      error: errorMessage(error),
    });
    await undoAll(armed, options);
    throw error;
  }
}

async function timed<T>(name: string, act: () => T | Promise<T>, log: Logger): Promise<T> {
  const started = performance.now();
  const result = await act();
  log.debug('did a step', { step: name, ms: millisSince(started) });
  return result;
}

async function undoAll(armed: { name: string; undo: Undo }[], options: StepOptions): Promise<void> {
  const timeoutMs = options.undoTimeoutMs ?? UNDO_TIMEOUT_MS;
  for (const { name, undo } of armed.reverse()) {
    let undoing: Promise<unknown> = Promise.resolve();
    try {
      await within(timeoutMs, `undoing "${name}"`, (signal) => {
        undoing = (async () => undo(signal))();
        return undoing;
      });
    } catch (error) {
      options.log.error('an undo failed; what is left stays listed', { step: name, error: errorMessage(error) });
      await runStuck(options);
      // One that is late may still do something: the locks of the story are held until it has ended.
      await undoing.catch(() => undefined);
      return;
    }
  }
}

/** With microseconds, and no more digits than that. */
const millisSince = (started: number): number => Math.round((performance.now() - started) * 1000) / 1000;

/** What it throws is logged only: the caller gets the error that began it all. */
async function runStuck(options: StepOptions): Promise<void> {
  try {
    await options.stuck?.();
  } catch (error) {
    options.log.error('what is left could not be listed', { error: errorMessage(error) });
  }
}
