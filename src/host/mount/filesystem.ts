import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import type { Filesystem } from './filesystem-now';

export type { Filesystem } from './filesystem-now';

/**
 * The filesystem that a directory lies on; undefined when there is no such directory. Rejects with a DeadlineError when it
 * does not answer. `procRoot` is for tests.
 */
export async function filesystemAt(
  dir: string,
  procRoot = '/proc',
  means: Means = hostMeans(),
): Promise<Filesystem | undefined> {
  return kernelCall(means, 'filesystem', { dir, procRoot }, { subject: dir });
}
