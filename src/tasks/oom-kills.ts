import { setImmediate as turn } from 'node:timers/promises';
import { errorMessage } from '../base/errors';
import { sleep } from '../base/wait/backoff';
import type { Container, OomWatch } from '../model/container';
import { cgroupsPath } from '../oci/resources/cgroups-path';
import type { Exit } from '../state/exits';
import { taskMetrics } from '../stats/cgroup-metrics';
import type { LifecycleDeps } from './deps';

const METRICS_TIMEOUT_MS = 2000;
const EVENT_GRACE_MS = 200;
/** SIGKILL, as shells and shims report it. */
const KILLED = 137;
export const OOM_KILLED = 'OOMKilled';

type Deps = Pick<LifecycleDeps, 'containerd' | 'handlers' | 'host' | 'log' | 'sandboxes'>;

/**
 * From now on it is known when the kernel kills a process of the container for memory, also when its cgroup goes with the last
 * process (systemd removes a scope then); until this is disposed of. Where the kernel tells no changes (v1, virtual
 * machines) nothing is watched.
 */
export function watchOomKills(deps: Deps, container: Container): Disposable {
  let watch: OomWatch | undefined;
  let disposed = false;
  const begin = async (): Promise<void> => {
    const cgroup = cgroupOf(deps, container);
    watch = cgroup === undefined ? undefined : await deps.host.watchOomKills(cgroup);
    if (disposed) watch?.close();
    else container.oomWatch = watch;
  };
  begin().catch((error: unknown) => {
    deps.log.debug('kills for memory are not watched', { id: container.metadata.id, error: errorMessage(error) });
  });
  return {
    [Symbol.dispose]: () => {
      disposed = true;
      watch?.close();
      if (container.oomWatch === watch) container.oomWatch = undefined;
    },
  };
}

/**
 * Whether the kernel has killed a process of the container for memory: what CRI calls OOMKilled, whichever process it was and
 * with whatever code the container then ended, 0 too. containerd's plugin tells it so by its OOM events, CRI-O by conmon's.
 * By the first of these that knows:
 * 1. the counter of its cgroup, while that is there, or what a watch has read of it; v1 does not count there what was killed
 *    in a cgroup below it, as a container in the container has it: where an event says otherwise, 3 decides;
 * 2. the OOM event of containerd, which its shim makes of the same counter; on v1 it also comes for a container that only
 *    shares a limit with the one that was killed, so there it is believed of what ended with SIGKILL alone;
 * 3. the kernel's log, which names the cgroup of each process that was killed: never a sibling's, and also after a restart.
 */
export async function wasOomKilled(deps: Deps, container: Container, exit: Exit): Promise<boolean> {
  await turn(); // what the kernel told before the exit is heard then
  const counted = await countedKills(deps, container, exit);
  if (counted !== undefined) return counted;
  const believed = exit.exitStatus === KILLED || deps.host.facts.cgroup2;
  const named = (): boolean => believed && container.oomKilled === true;
  if (named() || (await isInKernelLog(deps, container))) return true;
  if (exit.exitStatus !== KILLED) return named();
  await sleep(EVENT_GRACE_MS); // the event may come later than the exit
  return named();
}

/** By the counter; undefined when it went before it could be read. */
async function countedKills(deps: Deps, container: Container, exit: Exit): Promise<boolean | undefined> {
  if (container.oomWatch) {
    const seen = container.oomWatch.look();
    return seen === false && container.oomKilled ? undefined : seen; // v2: who sends the event has seen the counter too
  }
  const { id } = container.metadata;
  try {
    const cgroup = cgroupOf(deps, container);
    const own = cgroup === undefined ? undefined : await deps.host.oomKills(cgroup);
    if (own !== undefined) return own > 0n || (container.oomKilled === true && (await isInKernelLog(deps, container)));
    // In a virtual machine only the shim knows; elsewhere it may see cgroups that we do not.
    if (cgroup === undefined && container.oomKilled) return true;
    return exit.lost ? undefined : await toldByShim(deps, id);
  } catch (error) {
    deps.log.debug('kills for memory of an ended task are not known', { id, error: errorMessage(error) });
    return undefined;
  }
}

async function toldByShim({ containerd }: Deps, id: string): Promise<boolean | undefined> {
  const [metrics] = await containerd.tasks.metrics([id], { timeoutMs: METRICS_TIMEOUT_MS });
  const kills = taskMetrics(metrics?.data)?.values.memory?.oomKills;
  return kills === undefined ? undefined : kills > 0n;
}

async function isInKernelLog(deps: Deps, container: Container): Promise<boolean> {
  const { id } = container.metadata;
  if (cgroupOf(deps, container) === undefined) return false;
  try {
    const killed = await deps.host.oomKilledCgroups();
    return killed.some((path) => path.split('/').some((part) => part === id || part.endsWith(`-${id}.scope`)));
  } catch (error) {
    deps.log.debug('the log of the kernel cannot be read', { id, error: errorMessage(error) });
    return false;
  }
}

/** The cgroup of a container, by the name that its spec has; undefined when its processes are in a virtual machine. */
function cgroupOf({ handlers, sandboxes }: Deps, { metadata }: Container): string | undefined {
  const sandbox = sandboxes.get(metadata.sandboxId);
  const handler = handlers.ofPod(sandbox?.metadata.runtimeHandler);
  if (!sandbox || !handler.hostProcesses) return undefined;
  return cgroupsPath(sandbox.metadata.config.linux?.cgroupParent ?? '', metadata.id, handler);
}
