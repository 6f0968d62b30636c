import type { StepOptions } from '../base/steps';
import type { Call } from '../rpc/call';

/** Runs the steps of a call until its caller goes. The line that tells of the call's failure names the step that failed. */
export function stepsOf({ signal, log, note }: Call): Pick<StepOptions, 'signal' | 'log' | 'onFailed'> {
  return { signal, log, onFailed: note && ((step) => note({ step })) };
}
