import type { StepOptions } from '../base/work/steps';
import type { Call } from '../rpc/call';

/** Runs the steps of a call until its caller goes. The line that tells of the call's failure names the step that failed. */
export function stepsOf(call: Call): Pick<StepOptions, 'signal' | 'log' | 'onStep' | 'onFailed'> {
  const { signal, log, note, stage } = call;
  return { signal, log, onStep: stage, onFailed: note && ((step) => note({ step })) };
}
