import { ContainerEventType } from '../../generated/cri/v1/api';
import type { Sandbox } from '../model/sandbox';
import type { Exit } from '../state/exits';
import type { LifecycleDeps } from '../tasks/deps';

type Deps = Pick<LifecycleDeps, 'sandboxes' | 'exits' | 'events'>;

/**
 * Records the end of a pause task. Afterwards the sandbox is NOTREADY. Its network stays until StopPodSandbox, which
 * kubelet calls next, and so does the ended task: its deletion lets the pod's shim go, which on 2.x happens only when no
 * other task is in it. The caller holds the sandbox's lock.
 */
export async function finishSandbox(deps: Deps, sandbox: Sandbox, exit: Exit): Promise<void> {
  const { id } = sandbox.metadata;
  const first = sandbox.status.exitedAt === 0n;
  deps.sandboxes.update(id, { state: 'NOTREADY', pid: 0, exitedAt: exit.exitedAt, exitStatus: exit.exitStatus });
  deps.exits.settle(id);
  if (first) deps.events.publish(id, id, ContainerEventType.CONTAINER_STOPPED_EVENT);
}
