import { sleep } from '../base/backoff';
import type { SoughtShim } from '../host/silent-shim';
import type { LifecycleDeps } from './deps';

const POLL_MS = 100;

/**
 * Ends a shim that does not tell the ends of these tasks, which have ended. Afterwards containerd knows none of them any more:
 * it puts away what a shim leaves that has gone. A shim in which anything else runs is left as it is.
 */
export async function endSilentShim(
  { containerd, host, log }: Pick<LifecycleDeps, 'containerd' | 'host' | 'log'>,
  { ids, shim }: { readonly ids: readonly string[]; readonly shim: SoughtShim },
  signal: AbortSignal,
): Promise<void> {
  const [id = ''] = ids;
  const tree = await host.shimTree(id, shim);
  if (!tree) return;
  const { shim: process, calls, others } = tree;
  if (others.length > 0) {
    log.warn('a shim that does not tell ends stays: other processes run in it', { id, shim: process.pid, others });
    return;
  }
  const pids = await host.killProcesses([process, ...calls]);
  log.warn('killed a shim that does not tell that its tasks have ended', { id, pids });
  for (const each of ids) {
    while (await containerd.tasks.get({ containerId: each }, { signal }).catch(() => 'not yet')) {
      await sleep(POLL_MS, signal);
    }
  }
}
