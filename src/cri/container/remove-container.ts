import {
  ContainerEventType,
  type RemoveContainerRequest,
  type RemoveContainerResponse,
} from '../../../generated/cri/v1/api';
import { within } from '../../base/deadline';
import { removeContainerParts } from '../../lifecycle/remove-container';
import { containerSignal } from '../../lifecycle/stop-signal';
import { stopTask } from '../../lifecycle/stop-task';
import type { Container } from '../../model/container';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { invalid, notReady } from '../errors';

/** What a removal may take, whoever asks for it: killing it may take a minute. */
const REMOVE_TIMEOUT_MS = 120_000;

/** Removes a container, killing it first if it runs. Afterwards nothing of it is left. Unknown is fine. */
export async function removeContainer(
  deps: CriDeps,
  req: RemoveContainerRequest,
  call: Call,
): Promise<RemoveContainerResponse> {
  if (req.containerId === '') throw invalid('container_id', 'is empty');
  const container = deps.containers.find(req.containerId);
  if (container) await removeListedContainer(deps, container, call.signal);
  return {};
}

/** The removal itself, which RemovePodSandbox does for each container of the pod. */
export async function removeListedContainer(deps: CriDeps, container: Container, caller: AbortSignal): Promise<void> {
  const { id } = container.metadata;
  if (container.busy === 'starting') throw notReady(`container "${id}" is being started`);
  caller.throwIfAborted();
  // A caller that leaves is answered, and the container is removed all the same.
  await within(REMOVE_TIMEOUT_MS, `removing container "${id}"`, (signal) => remove(deps, container, signal));
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
