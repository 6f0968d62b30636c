import { DeadlineError } from '../base/wait/deadline';

/**
 * Does `act`, an idempotent call that the kernel may hold up, and does it again when the wait for it was given up: the call goes
 * on then, and a repetition waits for the same one. So nothing but `signal` ends the wait.
 */
export async function patiently<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof DeadlineError) || signal.aborted) throw error;
    }
  }
}
