import { MAX_TIMER_MS } from './backoff';
import { DeadlineError } from './deadline';
import { onAbort } from './on-abort';

/** A wait for something that is not ours: a peer on the network, another process, a file of somebody else. */
export interface OutsideWait {
  /** What is waited for, for the error. */
  readonly what: string;
  /** The longest wait, in milliseconds. */
  readonly limitMs: number;
  /** The caller's signal: it ends the wait sooner. */
  readonly signal?: AbortSignal | undefined;
}

/** How whoever begins something outside tells what has become of it. Only the first word counts. */
export interface Told<T> {
  answer(value: T): void;
  fail(error: unknown): void;
}

/** Gives back all that a wait holds, such as a socket or a process; `why` is what the wait rejects with. */
export type LetGo = (why: unknown) => void;

/**
 * Begins something outside and waits for what it tells. Settles with the answer, with the failure, with the reason of the
 * signal, or with a DeadlineError at the limit, whichever is first. `begin` answers how to let go of what it holds, which
 * is done once unless the answer was taken. An answer that comes after the end goes to `late`, to be given back.
 */
export function fromOutside<T>(
  { what, limitMs, signal }: OutsideWait,
  begin: (told: Told<T>) => LetGo,
  late: (value: T) => void = () => undefined,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    let over = false;
    let letGo: LetGo | undefined;
    let failure: { readonly why: unknown } | undefined;
    const end = (): void => {
      over = true;
      clearTimeout(timer);
      stopListening?.();
    };
    const fail = (why: unknown): void => {
      if (over) return;
      end();
      failure = { why };
      letGo?.(why);
      reject(why);
    };
    const answer = (value: T): void => {
      if (over) {
        late(value);
        return;
      }
      end();
      resolve(value);
    };
    const timer = setTimeout(() => fail(new DeadlineError(what, limitMs)), Math.min(limitMs, MAX_TIMER_MS));
    const stopListening = signal && onAbort(signal, () => fail(signal.reason));
    try {
      letGo = begin({ answer, fail });
    } catch (error) {
      fail(error);
    }
    if (failure) letGo?.(failure.why); // it failed before it was known how to let go
  });
}

/**
 * The outcome of `act`, which asks something outside, within the wait's limits; see `fromOutside`. `act` gets a signal that
 * fires when nobody waits any more. A value that comes after that goes to `late`.
 */
export function askOutside<T>(
  wait: OutsideWait,
  act: (signal: AbortSignal) => Promise<T>,
  late?: (value: T) => void,
): Promise<T> {
  const begin = ({ answer, fail }: Told<T>): LetGo => {
    const controller = new AbortController();
    act(controller.signal).then(answer, fail);
    return (why) => controller.abort(why);
  };
  return fromOutside(wait, begin, late);
}
