import type {
  LinuxContainerResources,
  PodSandboxStatusRequest,
  PodSandboxStatusResponse,
} from '../../../generated/cri/v1/api';
import { stringifyJson } from '../../base/json/json';
import type { Sandbox } from '../../model/sandbox';
import { podPins } from '../../pods/infra';
import type { Call } from '../../rpc/call';
import { toCriContainerStatus, toCriSandboxStatus } from '../../state/cri-shapes';
import { toGoJson } from '../../state/go-json';
import { sandboxConfigJson } from '../../state/records';
import type { CriDeps } from '../deps';
import { recordFacts } from '../record-facts';
import { requireReadableContainer, requireReadablePod, requireSandbox } from '../require';

/** One pod, with the statuses of all its containers: both are set or kubelet's evented PLEG sees a pod without any. */
export async function podSandboxStatus(
  deps: CriDeps,
  req: PodSandboxStatusRequest,
  call: Call,
): Promise<PodSandboxStatusResponse> {
  const sandbox = requireSandbox(deps, req.podSandboxId, 'pod_sandbox_id');
  const { id, netnsPath } = sandbox.metadata;
  requireReadablePod(sandbox);
  const containers = deps.containers.bySandbox(id);
  for (const container of containers) requireReadableContainer(deps, container);
  const networkClosed = netnsPath !== '' && !(await deps.host.isNetns(netnsPath));
  return {
    status: toCriSandboxStatus(sandbox, networkClosed),
    info: req.verbose ? { info: await verboseInfo(deps, sandbox, networkClosed, call.signal) } : {},
    containersStatuses: containers.map((container) => toCriContainerStatus(container, deps.namesOfImage)),
    timestamp: BigInt(Date.now()) * 1_000_000n,
  };
}

/** In the words of CRI, as kubelet gave them. */
function resourcesJson(linux: LinuxContainerResources): Record<string, unknown> {
  return toGoJson('ContainerResources', { linux, windows: undefined });
}

/** The keys that crictl shows and agents read (`pid`, `runtimeSpec`, …). */
async function verboseInfo(deps: CriDeps, sandbox: Sandbox, closed: boolean, signal: AbortSignal): Promise<string> {
  const { metadata, status } = sandbox;
  const record = await recordFacts(deps, metadata.id, signal);
  const handler = deps.handlers.ofPod(metadata.runtimeHandler);
  return stringifyJson({
    pid: status.pid,
    processStatus: status.state === 'READY' ? 'running' : 'stopped',
    netNamespaceClosed: closed,
    ...(sandbox.doubt !== undefined && { doubt: sandbox.doubt }),
    ...(sandbox.withoutInfra && { pinnedNamespaces: podPins(deps.paths, metadata) }),
    image: record.image,
    snapshotKey: record.snapshotKey,
    snapshotter: record.snapshotter,
    runtimeHandler: metadata.runtimeHandler,
    runtimeType: handler.runtimeType,
    runtimeOptions: handler.optionsTable,
    config: sandboxConfigJson(metadata.config),
    runtimeSpec: record.spec,
    cniResult: metadata.cniResult,
    ...(status.overhead && { overhead: resourcesJson(status.overhead) }),
    ...(status.resources && { resources: resourcesJson(status.resources) }),
  });
}
