import type {
  LinuxContainerResources,
  UpdatePodSandboxResourcesRequest,
  UpdatePodSandboxResourcesResponse,
} from '../../../generated/cri/v1/api';
import { errorMessage } from '../../base/errors';
import type { Sandbox } from '../../model/sandbox';
import { mergedHugepages } from '../../oci/resources/resources';
import { storeResources } from '../../pods/sandbox-resources';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { notFound } from '../errors';
import { requireSandbox } from '../require';

/** What storing may take, each time it is tried again. */
const STORE_TIMEOUT_MS = 30_000;

/**
 * kubelet is about to resize a pod: it calls this first, then writes the pod's cgroup, then calls UpdateContainerResources.
 * Afterwards verbose statuses show what it said. crisp neither reads nor writes the pod's cgroup here, and a pause container
 * has no resources of its own, so nothing can be refused: kubelet gives a resize up at any error. What cannot be stored for the
 * next start is stored in the background.
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
  const updated = { overhead: req.overhead, resources: withHugepages(sandbox, req.resources) };
  deps.sandboxes.update(id, updated);
  await storeResources(deps, id, updated, call.signal).catch((error: unknown) => {
    call.log.warn('the resources of a pod cannot be stored yet', { id, error: errorMessage(error) });
    storeLater(deps, id);
  });
  return {};
}

/** kubelet (1.38) leaves limits of huge pages out of a resize, since they cannot be resized: those not named stay as they are. */
function withHugepages(
  { status, metadata }: Sandbox,
  resources: LinuxContainerResources | undefined,
): LinuxContainerResources | undefined {
  if (!resources) return undefined;
  const before = status.resources ?? metadata.config.linux?.resources;
  return { ...resources, hugepageLimits: mergedHugepages(before?.hugepageLimits, resources.hugepageLimits) };
}

function storeLater(deps: CriDeps, id: string): void {
  deps.retries.until(`storing the resources of pod ${id}`, async () => {
    await using _held = await deps.locks.hold(id);
    const status = deps.sandboxes.get(id)?.status;
    if (!status) return true;
    const { overhead, resources } = status;
    await storeResources(deps, id, { overhead, resources }, AbortSignal.timeout(STORE_TIMEOUT_MS));
    return true;
  });
}
