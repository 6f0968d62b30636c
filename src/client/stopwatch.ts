/** Does one named step; `detail` says in a few words what came of it. */
export type TimedStep = <T>(name: string, act: () => Promise<T>, detail?: (result: T) => string) => Promise<T>;

/** A step failed; the message names it. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  constructor(
    readonly step: string,
    options: { cause: unknown },
  ) {
    super(`failed at "${step}"`, options);
  }
}

/** Steps that each print one line when done: name, milliseconds, detail. No step begins once the signal has fired. */
export function timedSteps(options: {
  print: (line: string) => void;
  signal?: AbortSignal;
  now?: () => number;
}): TimedStep {
  const { print, signal, now = () => performance.now() } = options;
  return async (name, act, detail) => {
    const start = now();
    const line = (end: string): void =>
      print(`${name.padEnd(22)}${(now() - start).toFixed(0).padStart(7)} ms  ${end}`.trimEnd());
    try {
      signal?.throwIfAborted();
      const result = await act();
      line(detail?.(result) ?? '');
      return result;
    } catch (error) {
      line('FAILED');
      throw new StepFailed(name, { cause: error });
    }
  };
}
