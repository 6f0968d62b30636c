import { isShimGone } from '../containerd/errors';
import type { LifecycleDeps } from './deps';

/**
 * Sends a signal to the first process of a task, or to all. False when nobody is there to get it: the process has ended or
 * never was, or its shim has gone, and the daemon, which still knows the task, is putting away what is left.
 */
export async function signalTask(
  { containerd }: Pick<LifecycleDeps, 'containerd'>,
  target: { containerId: string; signal: number; all?: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await containerd.tasks.kill(target, { signal });
  } catch (error) {
    if (isShimGone(error)) return false;
    throw error;
  }
}
