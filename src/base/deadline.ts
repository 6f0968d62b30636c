import { MAX_TIMER_MS } from './backoff';

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
  const onParent = (): void => controller.abort(parent?.reason);
  if (parent?.aborted) onParent();
  else parent?.addEventListener('abort', onParent, { once: true });
  const cancel = (): void => {
    clearTimeout(timer);
    parent?.removeEventListener('abort', onParent);
  };
  return { signal: controller.signal, cancel, [Symbol.dispose]: cancel };
}

/** A signal that fires `ms` after `parent`, with its reason: for what is better brought to its end than cut off. */
export function delayed(parent: AbortSignal, ms: number): Deadline {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onParent = (): void => {
    timer = setTimeout(() => controller.abort(parent.reason), ms);
  };
  if (parent.aborted) onParent();
  else parent.addEventListener('abort', onParent, { once: true });
  const cancel = (): void => {
    clearTimeout(timer);
    parent.removeEventListener('abort', onParent);
  };
  return { signal: controller.signal, cancel, [Symbol.dispose]: cancel };
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
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
