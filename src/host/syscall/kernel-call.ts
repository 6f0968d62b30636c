import { KERNEL_JOBS, type KernelJobInput, type KernelJobName, type KernelJobOutput } from './kernel-jobs';
import type { Means, Syscalls } from './syscalls';
import { fromThrownThere } from './thread-errors';

export interface KernelCallOptions<Output> {
  /** What the call is about, for the log and for errors; two calls about the same may be one. */
  readonly subject: string;
  /** Shorter or longer than the job's own. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called when the call ends after every caller has given up: with its output, or undefined when it failed. */
  readonly late?: (output: Output | undefined) => void;
}

/**
 * Makes a call that the kernel may hold up, on a thread of `means` where there are any, so that nothing else waits for it.
 * Rejects as the call throws, with a DeadlineError when it does not return in time (it goes on all the same), or with the
 * signal's reason.
 */
export async function kernelCall<Name extends KernelJobName>(
  { threads, syscalls }: Means,
  name: Name,
  input: KernelJobInput<Name>,
  options: KernelCallOptions<KernelJobOutput<Name>>,
): Promise<KernelJobOutput<Name>> {
  if (!threads) return runKernelJob(name, input, syscalls) as KernelJobOutput<Name>;
  const { run: _, ...how } = KERNEL_JOBS[name];
  const late = options.late as ((output: unknown) => void) | undefined;
  try {
    return (await threads.run(name, input, { ...how, ...options, late })) as KernelJobOutput<Name>;
  } catch (error) {
    throw fromThrownThere(error);
  }
}

/** Makes the call on this thread. */
export function runKernelJob(name: KernelJobName, input: unknown, syscalls: Syscalls | undefined): unknown {
  const job: { run: unknown } | undefined = KERNEL_JOBS[name];
  // An upgrade replaces the two files one after the other.
  if (!job) throw new Error(`crisp-host.js is of another build than crisp.js: it has no call "${name}"`);
  return (job.run as (input: unknown, syscalls: Syscalls | undefined) => unknown)(input, syscalls);
}
