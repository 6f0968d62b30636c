import { sleep } from '../base/wait/backoff';
import type { SoughtShim } from '../host/process/silent-shim';
import type { LifecycleDeps } from './deps';

const POLL_MS = 100;

/**
 * Kills the shim of tasks (`ids`) that have ended and whose exits it does not report. Afterwards containerd has none of these
 * tasks: it deletes the tasks of a shim that has died. A shim that has other child processes is logged and left alone.
 */
export async function killSilentShim(
  { containerd, host, log }: Pick<LifecycleDeps, 'containerd' | 'host' | 'log'>,
  { ids, shim }: { readonly ids: readonly string[]; readonly shim: SoughtShim },
  signal: AbortSignal,
): Promise<void> {
  const [id = ''] = ids;
  const tree = await host.shimTree(id, shim);
  if (!tree) return;
  const { shim: process, calls, others } = tree;
  if (others.length > 0) {
    log.warn('a shim that does not report exits is left alone: it has other child processes', {
      id,
      shim: process.pid,
      others,
    });
    return;
  }
  const pids = await host.killProcesses([process, ...calls]);
  log.warn('killed a shim that does not report the exits of its tasks', { id, pids });
  for (const each of ids) {
    while (await containerd.tasks.get({ containerId: each }, { signal }).catch(() => 'not yet')) {
      await sleep(POLL_MS, signal);
    }
  }
}
