import { MAX_TIMER_MS } from './backoff';
import { onAbort } from './on-abort';

/** A deadline passed. `what` was being waited for. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  constructor(what: string, ms: number) {
    super(`${what} took longer than ${ms} ms`);
  }
}

/** A signal that fires after `ms`, or when `parent` does; `cancel` stops its timer and must be called. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  cancel(): void;
}

/**
 * Starts a deadline. Its abort reason is a DeadlineError, or the parent's own reason. One further away than a timer of
 * Node can wait (a grace period of 30 days) is 24 days away, not here at once.
 */
export function withDeadline(parent: AbortSignal | undefined, ms: number, what: string): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineError(what, ms)), Math.min(ms, MAX_TIMER_MS));
  const stopListening = parent && onAbort(parent, () => controller.abort(parent.reason));
  const cancel = (): void => {
    clearTimeout(timer);
    stopListening?.();
  };
  return { signal: controller.signal, cancel, [Symbol.dispose]: cancel };
}

/** A signal that fires `ms` after `parent`, with its reason: for what is better brought to its end than cut off. */
export function delayed(parent: AbortSignal, ms: number): Deadline {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stopListening = onAbort(parent, () => {
    timer = setTimeout(() => controller.abort(parent.reason), ms);
  });
  const cancel = (): void => {
    clearTimeout(timer);
    stopListening();
  };
  return { signal: controller.signal, cancel, [Symbol.dispose]: cancel };
}

/** How long work may take that goes on when its caller leaves. */
export interface WorkLimits {
  /** The caller's signal: it ends the wait for the outcome, but not the work. */
  readonly caller: AbortSignal;
  /** The work is told to end after this many milliseconds. */
  readonly ms: number;
  /** The caller's signal fires for certain, at its deadline: then the work is not told to end before that. */
  readonly callerHasDeadline?: boolean;
  /** What the work is, for the error. */
  readonly what: string;
}

/** Tells the work to end when `ms` have passed and its caller has left or would wait for ever: it has no other limit. */
export function limitOf({ caller, ms, callerHasDeadline, what }: WorkLimits): Deadline {
  const deadline = withDeadline(undefined, ms, what);
  if (!callerHasDeadline) return { ...deadline, signal: asOnlyLimit(deadline.signal) };
  const controller = new AbortController();
  let stopListening: (() => void) | undefined;
  const onTime = (): void => {
    stopListening = onAbort(caller, () => controller.abort(deadline.signal.reason));
  };
  deadline.signal.addEventListener('abort', onTime, { once: true });
  const cancel = (): void => {
    deadline.cancel();
    stopListening?.();
  };
  return { signal: asOnlyLimit(controller.signal), cancel, [Symbol.dispose]: cancel };
}

const ONLY_LIMIT: unique symbol = Symbol('only limit');

/** The same signal, which fires for certain: calls that get it have no shorter limit of their own. */
export function asOnlyLimit(signal: AbortSignal): AbortSignal {
  return Object.assign(signal, { [ONLY_LIMIT]: true });
}

/** Whether a call that gets this signal needs no limit of its own. */
export function isOnlyLimit(signal: AbortSignal | undefined): boolean {
  return signal !== undefined && ONLY_LIMIT in signal;
}

/**
 * Runs `act` with a signal that fires after `ms` (or when `parent` does) and gives up waiting for it then. What `act` does
 * may go on: this is nothing for work under a lock, for which there are `untilEnded` and `KeyedMutex.run`.
 */
export async function within<T>(
  ms: number,
  what: string,
  act: (signal: AbortSignal) => Promise<T>,
  parent?: AbortSignal,
): Promise<T> {
  const deadline = withDeadline(parent, ms, what);
  try {
    return await unlessAborted(act(deadline.signal), deadline.signal);
  } finally {
    deadline.cancel();
  }
}

/**
 * Runs `act` with a signal that fires after `ms` or when `parent` does, and settles as `act` does, not sooner: locks that the
 * caller holds are held for as long as the work goes on.
 */
export async function untilEnded<T>(
  ms: number,
  what: string,
  act: (signal: AbortSignal) => Promise<T>,
  parent?: AbortSignal,
): Promise<T> {
  const deadline = withDeadline(parent, ms, what);
  try {
    return await act(deadline.signal);
  } finally {
    deadline.cancel();
  }
}

/** The promise's outcome, or the signal's reason when that fires first. The promise itself goes on unobserved. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stopListening = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stopListening);
  });
}
