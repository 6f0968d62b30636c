import { ContainerEventType } from '../../generated/cri/v1/api';
import { errorMessage } from '../base/errors';
import { isShimGone } from '../containerd/errors';
import type { Container } from '../model/container';
import type { Exit } from '../state/exits';
import type { LifecycleDeps } from './deps';
import { OOM_KILLED, wasOomKilled } from './oom-kills';

/** An exit is reported at the end of both streams, or this long after it. */
const DRAIN_MS = 1000;

type Deps = Pick<
  LifecycleDeps,
  'containerd' | 'containers' | 'stdio' | 'exits' | 'events' | 'log' | 'shims' | 'handlers' | 'host' | 'sandboxes'
>;

/**
 * Records the end of a container. Afterwards its log is complete and closed, or will be when the log's
 * disk answers; its status (exit code, time, reason) is on disk and visible, its task is deleted and everyone who waited goes on. The first exit counts; a later one is ignored.
 * The caller holds the container's lock. An end that cannot be written is visible all the same, its task stays, and this
 * throws: it is to be called again until that is on disk. A task whose exit the shim does not report stays as well.
 */
export async function finishContainer(deps: Deps, container: Container, exit: Exit): Promise<void> {
  const { id, sandboxId } = container.metadata;
  if (container.status.finishedAt === 0n) {
    if (!(await deps.stdio.drain(id, { timeoutMs: DRAIN_MS }))) {
      deps.log.warn('the log of an ended container is not complete yet, its disk does not answer', { id });
    }
    const reason = await exitReason(deps, container, exit);
    const change = { pid: 0, finishedAt: exit.exitedAt || now(), exitCode: exit.exitStatus, reason, unknown: false };
    // Before the task goes: after a crash in between, the code is still to be had.
    await deps.containers.update(container, change).catch((error: unknown) => {
      deps.log.error('the status file cannot be written', { id, error: errorMessage(error) });
      deps.containers.updateInMemory(container, change);
      container.unsaved = true;
    });
    deps.events.publish(id, sandboxId, ContainerEventType.CONTAINER_STOPPED_EVENT);
  }
  deps.exits.settle(id);
  // Until it is on disk, the task alone would tell the code to a server that starts.
  if (container.unsaved && deps.containers.get(id) === container) {
    await deps.containers.update(container, {});
    container.unsaved = false;
  }
  container.unreported = exit.unreported === true;
  if (!container.unreported) await deps.shims.deleting(sandboxId, id, () => deleteTask(deps, id));
}

/**
 * Deletes a task and, when the daemon says there is none, once more by id: it then drops a shim it lost track of. So it does
 * where the shim went away meanwhile, as when a deletion that a server before us had begun comes to its end.
 */
export async function deleteTask(
  deps: Pick<LifecycleDeps, 'containerd'>,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  const { tasks } = deps.containerd;
  const deleted = await tasks.delete(id, { signal }).catch((error: unknown) => {
    if (!isShimGone(error)) throw error;
  });
  if (!deleted) await tasks.delete(id, { signal });
}

async function exitReason(deps: Deps, container: Container, exit: Exit): Promise<string> {
  if (await wasOomKilled(deps, container, exit)) return OOM_KILLED;
  if (exit.lost) return 'Unknown';
  return exit.exitStatus === 0 ? 'Completed' : 'Error';
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
