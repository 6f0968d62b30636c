import type { WorkLimits } from '../base/wait/deadline';
import type { Call } from '../rpc/call';

/** Whoever waits for something that is done to its end. */
export type Caller = Pick<Call, 'signal' | 'deadline'>;

/** The limits of work that is done to its end for a caller: `ms`, or as long as the caller waits where that is longer. */
export function workLimits({ signal, deadline }: Caller, ms: number, what: string): WorkLimits {
  return { caller: signal, callerHasDeadline: deadline !== undefined, ms, what };
}
