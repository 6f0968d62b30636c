import type { StopPodSandboxRequest, StopPodSandboxResponse } from '../../../generated/cri/v1/api';
import { TEARDOWN_TIMEOUT_MS, teardownSandbox } from '../../pods/teardown-sandbox';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';
import { workLimits } from '../work-limits';

/**
 * Stops a pod. Afterwards nothing of it runs and its network is gone; its records stay. A pod that is stopped or
 * unknown is fine. When it fails, kubelet calls again and it goes on where it stopped. A caller that leaves is answered, and one
 * without a deadline after four minutes; the pod is taken down all the same, and another call waits for the end of that.
 */
export async function stopPodSandbox(
  deps: CriDeps,
  req: StopPodSandboxRequest,
  call: Call,
): Promise<StopPodSandboxResponse> {
  if (req.podSandboxId === '') throw invalid('pod_sandbox_id', 'is empty');
  const sandbox = deps.sandboxes.find(req.podSandboxId);
  if (!sandbox) return {};
  // Not the sandbox's own lock: the end of the pause task is recorded under that one, and is waited for here.
  const { id } = sandbox.metadata;
  const limits = workLimits(call, TEARDOWN_TIMEOUT_MS, `stopping pod sandbox "${id}"`);
  await deps.locks.run(`stop/${id}`, limits, (signal) => teardownSandbox(deps, sandbox, signal));
  return {};
}
