import type {
  UpdatePodSandboxResourcesRequest,
  UpdatePodSandboxResourcesResponse,
} from '../../../generated/cri/v1/api';
import { storeResources } from '../../lifecycle/sandbox-resources';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { notFound } from '../errors';
import { requireSandbox } from '../require';

/**
 * kubelet has changed the pod's cgroup and tells us. Afterwards verbose statuses show what it said, also after a restart;
 * nothing else depends on it, since a pause container has no resources of its own.
 */
export async function updatePodSandboxResources(
  deps: CriDeps,
  req: UpdatePodSandboxResourcesRequest,
  call: Call,
): Promise<UpdatePodSandboxResourcesResponse> {
  const sandbox = requireSandbox(deps, req.podSandboxId, 'pod_sandbox_id');
  const { id } = sandbox.metadata;
  await using _held = await deps.locks.hold(id, call.signal);
  if (deps.sandboxes.get(id) === undefined) throw notFound('pod sandbox', id);
  const updated = { overhead: req.overhead, resources: req.resources };
  await storeResources(deps, id, updated, call.signal);
  deps.sandboxes.update(id, updated);
  return {};
}
