import { ContainerEventType } from '../../generated/cri/v1/api';
import type { Container } from '../model/container';
import type { LifecycleDeps } from './deps';
import { putTaskAway } from './half-made-task';
import { handlerOfContainer } from './handler-of-container';

/** What CRI runtimes report for a container whose start failed. */
const START_FAILED = { exitCode: 128, reason: 'StartError' } as const;

type RecordDeps = Pick<LifecycleDeps, 'containers' | 'events'>;
export type ClearDeps = RecordDeps &
  Pick<LifecycleDeps, 'containerd' | 'host' | 'paths' | 'log' | 'handlers' | 'sandboxes' | 'shims'>;

/**
 * Records that a container's start failed: EXITED with StartError. While its task may still be there it is UNKNOWN, in memory
 * only, and this answers false: kubelet starts a container again at once whose predecessor has EXITED, and kills an UNKNOWN
 * one first (row 38.52). The caller holds the container's lock.
 */
export async function recordFailedStart(deps: RecordDeps, container: Container, message: string): Promise<boolean> {
  const { id, sandboxId } = container.metadata;
  if (container.halfMade) {
    container.failedStart = message;
    deps.containers.updateInMemory(container, { message, unknown: true });
    return false;
  }
  const now = BigInt(Date.now()) * 1_000_000n;
  const change = { pid: 0, startedAt: now, finishedAt: now, message, unknown: false, ...START_FAILED };
  await deps.containers.update(container, change).catch(() => deps.containers.updateInMemory(container, change));
  container.failedStart = undefined;
  deps.events.publish(id, sandboxId, ContainerEventType.CONTAINER_STOPPED_EVENT);
  return true;
}

/**
 * Ends what a failed start left of its task. Afterwards there is no task, and the container is EXITED with StartError.
 * Rejects while that cannot be done. The caller holds the container's lock.
 */
export async function clearFailedStart(deps: ClearDeps, container: Container, signal: AbortSignal): Promise<void> {
  const { id, sandboxId } = container.metadata;
  const { failedStart, snapshotter } = container;
  if (failedStart === undefined) return;
  const task = { id, snapshotter, handler: handlerOfContainer(deps, container) };
  await deps.shims.deleting(sandboxId, id, () => putTaskAway(deps, container, task, signal));
  await recordFailedStart(deps, container, failedStart);
}
