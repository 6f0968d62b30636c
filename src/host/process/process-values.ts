import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import type { ProcessCounts } from './process-counts';

export type { ProcessCounts } from './process-counts';

/**
 * Counts what these processes hold, up to 10,000 of them and 100,000 descriptors. One that has ended meanwhile is left out,
 * also when it ends while it is looked at. Rejects when the kernel does not let us look at one that runs, and with a
 * DeadlineError when it takes too long. `procRoot` is for tests.
 */
export async function processCounts(
  pids: readonly number[],
  procRoot = '/proc',
  means: Means = hostMeans(),
): Promise<ProcessCounts> {
  return kernelCall(
    means,
    'processCounts',
    { pids, procRoot },
    { subject: `${pids[0]} and ${pids.length - 1} others` },
  );
}
