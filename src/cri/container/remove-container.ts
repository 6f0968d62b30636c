import {
  ContainerEventType,
  type RemoveContainerRequest,
  type RemoveContainerResponse,
} from '../../../generated/cri/v1/api';
import { limitOf, unlessAborted } from '../../base/wait/deadline';
import type { Container } from '../../model/container';
import type { Call } from '../../rpc/call';
import { removeContainerParts } from '../../tasks/delete-container';
import { containerSignal } from '../../tasks/stop-signal';
import { stopTask } from '../../tasks/stop-task';
import type { CriDeps } from '../deps';
import { invalid, notReady } from '../errors';
import { type Caller, workLimits } from '../work-limits';

/** What a removal may take when nobody waits for it any more, or somebody without a deadline. */
const REMOVE_TIMEOUT_MS = 120_000;

/** Removes a container, killing it first if it runs. Afterwards nothing of it is left. Unknown is fine. */
export async function removeContainer(
  deps: CriDeps,
  req: RemoveContainerRequest,
  call: Call,
): Promise<RemoveContainerResponse> {
  if (req.containerId === '') throw invalid('container_id', 'is empty');
  const container = deps.containers.find(req.containerId);
  if (container) await removeListedContainer(deps, container, call);
  return {};
}

/**
 * The removal itself, which CreateContainer does with an ended container of the same name. A caller that leaves is answered,
 * and the container is removed all the same; another call waits for the end of that, since it is done under the lock.
 */
export async function removeListedContainer(deps: CriDeps, container: Container, caller: Caller): Promise<void> {
  caller.signal.throwIfAborted();
  const limit = limitOf(workLimits(caller, REMOVE_TIMEOUT_MS, `removing container "${container.metadata.id}"`));
  const removed = removeToTheEnd(deps, container, limit.signal).finally(limit.cancel);
  await unlessAborted(unlessAborted(removed, limit.signal), caller.signal);
}

/** As `removeListedContainer`, but settles only when nothing goes on any more; `signal` ends it early. */
export async function removeToTheEnd(deps: CriDeps, container: Container, signal: AbortSignal): Promise<void> {
  const { id } = container.metadata;
  if (container.busy === 'starting') throw notReady(`container "${id}" is being started`);
  await remove(deps, container, signal);
}

async function remove(deps: CriDeps, container: Container, signal: AbortSignal): Promise<void> {
  const { id, sandboxId } = container.metadata;
  // Without the lock: the exit is recorded under it.
  await stopTask(deps, container, { timeoutMs: 0, stopSignal: containerSignal(container), signal });
  await using _held = await deps.locks.hold(id, signal);
  if (deps.containers.get(id) === undefined) return;
  container.busy = 'removing';
  try {
    deps.monitor.unwatch(id);
    await removeContainerParts(deps, container, signal);
  } finally {
    container.busy = undefined;
  }
  deps.events.publish(id, sandboxId, ContainerEventType.CONTAINER_DELETED_EVENT);
}
