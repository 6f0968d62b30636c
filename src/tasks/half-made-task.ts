import { errorMessage } from '../base/errors';
import { sleep } from '../base/wait/backoff';
import { isBundleThere, isDeadlineExceeded, isKnownToRuntime, isNotFound, isUnavailable } from '../containerd/errors';
import { isRuncOptions } from '../containerd/runtime-options';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { LifecycleDeps } from './deps';
import { killAndDelete } from './kill-and-delete';

const LIMIT_MS = 15_000;
/** A virtual machine may take a while; what takes longer hangs. */
const CREATE_LIMIT_MS = 10_000;
const PAUSE_MS = 200;
const PUT_AWAY_LIMIT_MS = 2000;
const PUT_AWAY_POLL_MS = 10;
/** A directory that is being removed is gone within this. */
const REMOVED_WITHIN_MS = 1000;
/** For so long after a first failure another one may pass. */
const MAY_PASS_MS = 5000;

type Deps = Pick<LifecycleDeps, 'containerd' | 'host' | 'paths' | 'log'>;

interface HalfMade {
  readonly id: string;
  readonly snapshotter: string;
  readonly handler: RuntimeHandler;
}

/**
 * Afterwards nothing is left of the creation of a task that our death, or the daemon's, cut off. containerd gives up at once
 * then and forgets the task, while the shim and the OCI runtime go on making it: a process that nobody knows stays behind,
 * and its id cannot be used again; a shim whose start was cut off may be there for ever and answer nothing. What still works
 * at it is ended. Whether all is well then, a creation tells, and what it made is deleted. What cannot be cleared in a
 * quarter of a minute is logged and left, and the answer is false.
 */
export async function clearHalfMadeTask(deps: Deps, task: HalfMade): Promise<boolean> {
  const { id, handler } = task;
  const signal = AbortSignal.timeout(LIMIT_MS);
  let failedAt: number | undefined;
  for (;;) {
    try {
      await createOnceMore(deps, task, signal);
      await killAndDelete(deps, id, signal);
      if (handler.hostProcesses) await killLeftovers(deps, id, 'its task was created only to be deleted');
      return true;
    } catch (error) {
      const message = errorMessage(error);
      failedAt ??= Date.now();
      if (isBundleThere(error) && (await cannotBePutAway(deps, task))) return true;
      const known = isKnownToRuntime(error);
      if (signal.aborted || !(known || isBundleThere(error) || mayPass(error, Date.now() - failedAt))) {
        deps.log.warn('what is left of a task cannot be cleared', { id, error: message });
        return false;
      }
      if (known) await forgetInRuntime(deps, id, handler);
    }
    await sleep(PAUSE_MS); // it may still be being made, or put away by the daemon
  }
}

/**
 * Whether the daemon can never put away the directory of a task that it has no more, and so makes none of that id until it is
 * started again: containerd 1.6 renames it to a hidden one and removes that, in which the OCI runtime may still be writing; it
 * stays, and no other can be renamed to it. Then /proc and the OCI runtime tell what is left, and all of that is ended.
 */
async function cannotBePutAway(deps: Deps, { id, handler }: HalfMade): Promise<boolean> {
  const { host, paths } = deps;
  const both = async (): Promise<boolean> =>
    (await host.isDirectory(paths.bundle(id))) && (await host.isDirectory(paths.bundle(`.${id}`)));
  if (!handler.hostProcesses || !(await both())) return false;
  await sleep(REMOVED_WITHIN_MS); // it may be about to go
  if (!(await both())) return false;
  await clearVanishedTask(deps, id, { handler, reason: 'its creation was cut off, and no other can be made' });
  return true;
}

/**
 * While the daemon puts away what was cut off, another creation fails in many ways: the task's directory goes while the shim
 * starts in it; the shim goes, or does not answer. Hardly for longer than a second, on a machine that has time for it.
 */
function mayPass(error: unknown, afterMs: number): boolean {
  return afterMs < MAY_PASS_MS && !isUnavailable(error) && !isNotFound(error);
}

/** Whoever has a task that may be there without the daemon's knowing of it, or running without anybody's. */
interface TaskOwner {
  halfMade?: boolean;
}

/**
 * Creates a task by `act`. A daemon that goes away meanwhile, or gives a shim up that does not answer, forgets it, and its
 * shim with it: then the owner is marked.
 */
export async function creatingTask<T>(owner: TaskOwner, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (isUnavailable(error) || isDeadlineExceeded(error)) owner.halfMade = true;
    throw error;
  }
}

/**
 * Ends and deletes a task, half-made or not. Afterwards there is none, and the owner is not marked. Where the creation that
 * clears an interrupted one cannot succeed (its program or its root filesystem is gone), the machine decides: rejects while
 * processes of the task run.
 */
export async function putTaskAway(deps: Deps, owner: TaskOwner, task: HalfMade, signal: AbortSignal): Promise<void> {
  const { id, handler } = task;
  const cleared = !owner.halfMade || (await clearHalfMadeTask(deps, task));
  await killAndDelete(deps, id, signal);
  if (!cleared && handler.hostProcesses) {
    await clearVanishedTask(deps, id, { handler, reason: 'it is to be deleted, and containerd has no task' });
    const { pids } = (await deps.host.processTable()).of(id);
    if (pids.length > 0) throw new Error(`processes of task "${id}" cannot be ended: ${pids.join(', ')}`);
  }
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

async function createOnceMore(deps: Deps, { id, snapshotter, handler }: HalfMade, signal: AbortSignal): Promise<void> {
  const { tasks, snapshots } = deps.containerd;
  if ((await tasks.get({ containerId: id }, { signal })) !== undefined) return;
  if (handler.hostProcesses) await killMakers(deps, id, handler, 'containerd has no task, its creation was cut off');
  await untilPutAway(deps, id);
  const rootfs = await snapshots.mounts({ snapshotter, key: id }, { signal });
  await tasks.create({ containerId: id, rootfs, runtimePath: handler.runtimePath }, { timeoutMs: CREATE_LIMIT_MS });
}

/** What the daemon still does about the creation that was cut off would undo half of another; its directory goes last. */
async function untilPutAway({ host, paths }: Pick<Deps, 'host' | 'paths'>, id: string): Promise<void> {
  const deadline = Date.now() + PUT_AWAY_LIMIT_MS;
  while (Date.now() < deadline && (await host.isDirectory(paths.bundle(id)))) await sleep(PUT_AWAY_POLL_MS);
}

/** The shim forgets a container whose making failed late, such as on a bundle that containerd has removed; runc does not. */
async function forgetInRuntime(
  deps: Pick<Deps, 'host' | 'paths' | 'log'>,
  id: string,
  handler: RuntimeHandler,
): Promise<void> {
  if (handler.options !== undefined && !isRuncOptions(handler.options)) return;
  const { Root } = handler.optionsTable;
  const root = deps.paths.runtimeRoot(typeof Root === 'string' ? Root : '');
  await deps.host.deleteRuntimeContainer({ program: programOf(handler), root, id }).catch((error: unknown) => {
    deps.log.warn('the OCI runtime does not forget a container', { id, error: errorMessage(error) });
  });
}

function programOf({ optionsTable: { BinaryName } }: RuntimeHandler): string {
  return typeof BinaryName === 'string' && BinaryName !== '' ? BinaryName : 'runc';
}

/**
 * Clears what a task leaves that is gone with its shim: containerd 2 does not, and processes would go on in its cgroup and
 * the OCI runtime would know it for ever. Also for a task that was still being created. `reason` says in the log why the
 * task counts as gone: the caller has made sure of that (`tasks/task-presence.ts`).
 */
export async function clearVanishedTask(
  deps: Pick<LifecycleDeps, 'host' | 'paths' | 'log'>,
  id: string,
  { handler, reason }: { handler: RuntimeHandler; reason: string },
): Promise<void> {
  if (handler.hostProcesses) await killMakers(deps, id, handler, reason);
  await killLeftovers(deps, id, reason);
  if (handler.hostProcesses) await forgetInRuntime(deps, id, handler);
}

/** Kills the processes of a task that containerd does not know, and logs which and why. */
export async function killLeftovers(
  { host, log }: Pick<LifecycleDeps, 'host' | 'log'>,
  id: string,
  reason: string,
): Promise<void> {
  const pids = await host.killStrays(id);
  if (pids.length > 0) log.warn('killed processes of a task that containerd does not know', { id, pids, reason });
}

async function killMakers(
  { host, log }: Pick<LifecycleDeps, 'host' | 'log'>,
  id: string,
  handler: RuntimeHandler,
  reason: string,
): Promise<void> {
  const pids = await host.killMakers(id, programOf(handler));
  if (pids.length > 0) log.warn('killed shim or OCI runtime of an interrupted task', { id, pids, reason });
}
