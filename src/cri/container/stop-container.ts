import type { StopContainerRequest, StopContainerResponse } from '../../../generated/cri/v1/api';
import { containerSignal } from '../../lifecycle/stop-signal';
import { stopTask } from '../../lifecycle/stop-task';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';

/** Stops a container: its stop signal, then SIGKILL after the timeout. Afterwards its exit is recorded. Gone is fine. */
export async function stopContainer(
  deps: CriDeps,
  req: StopContainerRequest,
  call: Call,
): Promise<StopContainerResponse> {
  if (req.containerId === '') throw invalid('container_id', 'is empty');
  const container = deps.containers.find(req.containerId);
  if (!container) return {};
  await stopTask(deps, container, {
    timeoutMs: Number(req.timeout) * 1000,
    stopSignal: containerSignal(container),
    signal: call.signal,
  });
  return {};
}
