import {
  ContainerEventType,
  type RemovePodSandboxRequest,
  type RemovePodSandboxResponse,
} from '../../../generated/cri/v1/api';
import type { Sandbox } from '../../model/sandbox';
import { removeSandboxParts } from '../../pods/remove-sandbox';
import { TEARDOWN_TIMEOUT_MS, teardownSandbox } from '../../pods/teardown-sandbox';
import type { Call } from '../../rpc/call';
import { removeToTheEnd } from '../container/remove-container';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';
import { type Caller, workLimits } from '../work-limits';

/**
 * Removes a pod, its containers first. Afterwards nothing of it is left. Unknown is fine; what fails stays listed. A caller
 * that leaves is answered; the pod is removed all the same, and another call waits for the end of that.
 */
export async function removePodSandbox(
  deps: CriDeps,
  req: RemovePodSandboxRequest,
  call: Call,
): Promise<RemovePodSandboxResponse> {
  if (req.podSandboxId === '') throw invalid('pod_sandbox_id', 'is empty');
  const sandbox = deps.sandboxes.find(req.podSandboxId);
  if (sandbox) await removeListedSandbox(deps, sandbox, call);
  return {};
}

/** The removal itself, which RunPodSandbox does with what an earlier attempt of the same name left. */
export async function removeListedSandbox(deps: CriDeps, sandbox: Sandbox, caller: Caller): Promise<void> {
  const { id } = sandbox.metadata;
  const limits = workLimits(caller, TEARDOWN_TIMEOUT_MS, `removing pod sandbox "${id}"`);
  await deps.locks.run(`stop/${id}`, limits, (signal) => remove(deps, sandbox, signal));
}

async function remove(deps: CriDeps, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { id } = sandbox.metadata;
  if (deps.sandboxes.get(id) === undefined) return;
  // Also when it is NOTREADY: its pause may have died by itself, its network is then still wired.
  await teardownSandbox(deps, sandbox, signal);
  for (const container of deps.containers.bySandbox(id)) await removeToTheEnd(deps, container, signal);
  await using _held = await deps.locks.hold(id, signal);
  deps.monitor.unwatch(id);
  await removeSandboxParts(deps, sandbox, signal);
  deps.events.publish(id, id, ContainerEventType.CONTAINER_DELETED_EVENT);
}
