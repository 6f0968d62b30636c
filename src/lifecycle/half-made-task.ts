import { sleep } from '../base/backoff';
import { errorMessage } from '../base/errors';
import { isUnavailable } from '../containerd/errors';
import { isRuncOptions } from '../containerd/runtime-options';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { LifecycleDeps } from './deps';
import { killAndDelete } from './kill-and-delete';

const LIMIT_MS = 15_000;
const PAUSE_MS = 200;
/** Where runc's shim has its OCI runtime keep state, a directory for each namespace. */
const RUNC_ROOT = '/run/containerd/runc';
const NAMESPACE = 'k8s.io';

type Deps = Pick<LifecycleDeps, 'containerd' | 'host' | 'log'>;

interface HalfMade {
  readonly id: string;
  readonly snapshotter: string;
  readonly handler: RuntimeHandler;
}

/**
 * Afterwards nothing is left of the creation of a task that our death cut off. containerd gives up at once then and forgets
 * the task, while the shim and the OCI runtime go on making it: a process that nobody knows stays behind, and its id cannot
 * be used again. Whether it can, a creation tells, and what it made is deleted. What cannot be cleared in a quarter of a
 * minute is logged and left.
 */
export async function clearHalfMadeTask(deps: Deps, task: HalfMade): Promise<void> {
  const { id, handler } = task;
  const signal = AbortSignal.timeout(LIMIT_MS);
  for (;;) {
    try {
      await createOnceMore(deps, task, signal);
      return await killAndDelete(deps, id, signal);
    } catch (error) {
      if (!/already exists/.test(errorMessage(error)) || signal.aborted) {
        return deps.log.warn('what is left of a task cannot be cleared', { id, error: errorMessage(error) });
      }
      await forgetInRuntime(deps, id, handler);
    }
    await sleep(PAUSE_MS); // it may still be being made
  }
}

/** Whoever has a task that may be there without the daemon's knowing of it, or running without anybody's. */
interface TaskOwner {
  halfMade?: boolean;
}

/** Creates a task by `act`. A daemon that goes away meanwhile forgets it, and its shim with it: then the owner is marked. */
export async function creatingTask<T>(owner: TaskOwner, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isUnavailable(error)) owner.halfMade = true;
    throw error;
  }
}

/** Ends and deletes a task, half-made or not. Afterwards there is none, and the owner is not marked. */
export async function putTaskAway(deps: Deps, owner: TaskOwner, task: HalfMade, signal: AbortSignal): Promise<void> {
  if (owner.halfMade) await clearHalfMadeTask(deps, task);
  await killAndDelete(deps, task.id, signal);
  owner.halfMade = false;
}

/** As `putTaskAway`, of a task that nobody watches: when this fails the owner is marked, for whoever removes it. */
export async function endTask(deps: Deps, owner: TaskOwner, task: HalfMade, signal: AbortSignal): Promise<void> {
  try {
    await putTaskAway(deps, owner, task, signal);
  } catch (error) {
    owner.halfMade = true;
    throw error;
  }
}

async function createOnceMore(
  { containerd: { tasks, snapshots } }: Deps,
  { id, snapshotter, handler }: HalfMade,
  signal: AbortSignal,
): Promise<void> {
  if ((await tasks.get({ containerId: id }, { signal })) !== undefined) return;
  const rootfs = await snapshots.mounts({ snapshotter, key: id }, { signal });
  await tasks.create({ containerId: id, rootfs, runtimePath: handler.runtimePath });
}

/** The shim forgets a container whose making failed late, such as on a bundle that containerd has removed; runc does not. */
async function forgetInRuntime(deps: Pick<Deps, 'host' | 'log'>, id: string, handler: RuntimeHandler): Promise<void> {
  if (handler.options !== undefined && !isRuncOptions(handler.options)) return;
  const { BinaryName, Root } = handler.optionsTable;
  const program = typeof BinaryName === 'string' && BinaryName !== '' ? BinaryName : 'runc';
  const root = `${typeof Root === 'string' && Root !== '' ? Root : RUNC_ROOT}/${NAMESPACE}`;
  await deps.host.deleteRuntimeContainer({ program, root, id }).catch((error: unknown) => {
    deps.log.warn('the OCI runtime does not forget a container', { id, error: errorMessage(error) });
  });
}

/**
 * Puts away what is left of a task that is gone with its shim: containerd 2 does not, and processes would go on in its cgroup
 * and the OCI runtime would know it for ever.
 */
export async function clearVanishedTask(
  deps: Pick<LifecycleDeps, 'host' | 'log'>,
  id: string,
  handler: RuntimeHandler,
): Promise<void> {
  await deps.host.killStrays(id);
  if (handler.hostProcesses) await forgetInRuntime(deps, id, handler);
}
