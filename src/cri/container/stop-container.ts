import type { StopContainerRequest, StopContainerResponse } from '../../../generated/cri/v1/api';
import { asOnlyLimit, withDeadline } from '../../base/wait/deadline';
import type { Call } from '../../rpc/call';
import { containerSignal } from '../../tasks/stop-signal';
import { stopTask } from '../../tasks/stop-task';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';

/** What a stop may take beyond its grace period for a caller without a deadline: SIGKILL ends no uninterruptible sleep. */
const KILL_TIMEOUT_MS = 120_000;

/**
 * Stops a container: its stop signal, then SIGKILL after the timeout. Afterwards its exit is recorded. Gone is fine. Nothing
 * but the caller's own deadline ends it early.
 */
export async function stopContainer(
  deps: CriDeps,
  req: StopContainerRequest,
  call: Call,
): Promise<StopContainerResponse> {
  if (req.containerId === '') throw invalid('container_id', 'is empty');
  const container = deps.containers.find(req.containerId);
  if (!container) return {};
  const timeoutMs = Math.max(0, Number(req.timeout) * 1000);
  const what = `stopping container "${container.metadata.id}"`;
  const limit = call.deadline === undefined ? withDeadline(call.signal, timeoutMs + KILL_TIMEOUT_MS, what) : undefined;
  const signal = asOnlyLimit(limit?.signal ?? call.signal);
  try {
    await stopTask(deps, container, { timeoutMs, stopSignal: containerSignal(container), signal });
  } finally {
    limit?.cancel();
  }
  return {};
}
