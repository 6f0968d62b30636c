import { basename } from 'node:path';
import { sleep } from '../base/wait/backoff';
import { inTurn } from '../base/work/divided-work';
import type { ContainerRecord } from '../containerd/containers';
import type { DeadSocket } from '../host/process/shim-sockets';
import { SHIM_GROUP } from '../oci/annotations';
import { SPEC_SANDBOX_ID, specOf } from '../state/partial-metadata';
import type { LifecycleDeps } from '../tasks/deps';

/** A shim that is just being started listens within this. */
const STARTS_MS = 10_000;

type Deps = Pick<LifecycleDeps, 'containerd' | 'host' | 'paths' | 'sandboxes' | 'containers' | 'shims' | 'log'>;

/**
 * Removes the sockets that shims have left: those of pods without a pause task on containerd 2.x, which earlier releases of
 * crisp never removed, and of shims that were killed. A socket goes when nobody has listened at it on two looks, ten seconds
 * apart, no task's directory names it, and no record of any namespace is of a shim that would be called so. Rejects when that
 * cannot be found out. Whose shim it was, its name does not tell; containerd itself takes such a socket for one that is not there.
 */
export async function sweepShimSockets(deps: Deps, signal: AbortSignal, pauseMs = STARTS_MS): Promise<void> {
  const { host, log } = deps;
  const first = await look(deps);
  if (first.length === 0) return;
  await sleep(pauseMs, signal);
  const inodes = new Map(first.map(({ path, ino }) => [path, ino]));
  const still = (await look(deps)).filter(({ path, ino }) => inodes.get(path) === ino);
  const taken = await namesOfRecords(deps, signal);
  let removed = 0;
  for (const socket of still.filter(({ path }) => !taken.has(basename(path)))) {
    signal.throwIfAborted();
    if (await host.removeDeadSocket(socket)) removed++;
  }
  if (removed > 0) log.info('swept sockets of shims that have ended', { removed });
}

/** The dead sockets that no task's directory names. */
async function look({ host, paths }: Deps): Promise<DeadSocket[]> {
  const named = await host.socketsOfTasks(paths.bundles);
  const keep = new Set(named);
  return (await host.deadSockets(named)).filter(({ path }) => !keep.has(path));
}

/** What the sockets of every shim are called that a record may get. */
async function namesOfRecords(deps: Deps, signal: AbortSignal): Promise<Set<string>> {
  const { containerd, shims, sandboxes, containers } = deps;
  const names = new Set<string>();
  const take = (group: string, namespace?: string): void => {
    for (const name of shims.socketNames(group, namespace)) names.add(name);
  };
  for (const { metadata, shimGroup = metadata.id } of sandboxes.list())
    for (const id of [metadata.id, shimGroup]) take(id);
  for (const { metadata } of containers.list()) take(metadata.id);
  for (const namespace of await containerd.namespaces.list({ signal })) {
    for (const record of await containerd.containers.list([], { signal, namespace })) {
      for (const group of await inTurn(() => groupsOf(record))) take(group, namespace);
    }
  }
  return names;
}

/** A shim is called by its group, else by the pod, else by the container alone. */
function groupsOf(record: ContainerRecord): string[] {
  const annotations = specOf(record)?.annotations ?? {};
  const groups = [SHIM_GROUP, SPEC_SANDBOX_ID].flatMap((key) => annotations[key] ?? []);
  return [record.id, ...groups];
}
