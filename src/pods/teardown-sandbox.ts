import { allEnded } from '../base/work/all-ended';
import type { SoughtShim } from '../host/process/silent-shim';
import type { Container } from '../model/container';
import type { Sandbox } from '../model/sandbox';
import type { LifecycleDeps } from '../tasks/deps';
import { putTaskAway } from '../tasks/half-made-task';
import { patiently } from '../tasks/held-up';
import { killSilentShim } from '../tasks/kill-silent-shim';
import { deleteTask } from '../tasks/record-exit';
import { containerSignal } from '../tasks/stop-signal';
import { killTask, stopTask } from '../tasks/stop-task';
import { pauseTaskOf } from '../tasks/task-presence';
import { finishSandbox } from './finish-sandbox';
import { podPins } from './infra';
import { podNetworkConfig } from './pod-network-config';

/** kubelet has stopped the containers that deserve a grace period before it stops the pod. */
const CONTAINER_TIMEOUT_MS = 0;

/** What taking a pod down may take when nobody waits for it any more, or somebody without a deadline. */
export const TEARDOWN_TIMEOUT_MS = 240_000;

export type TeardownDeps = Pick<
  LifecycleDeps,
  | 'containerd'
  | 'containers'
  | 'sandboxes'
  | 'exits'
  | 'stdio'
  | 'events'
  | 'log'
  | 'host'
  | 'paths'
  | 'handlers'
  | 'networksOf'
  | 'locks'
  | 'shims'
  | 'shimGroups'
>;

/**
 * Takes a pod down: containers, network, namespaces, shared memory, image volumes. Afterwards it is NOTREADY and nothing
 * of it runs or is wired; its records stay for RemovePodSandbox. Each part is idempotent, so a call that failed halfway
 * is simply repeated. `signal` fires for certain: of the parts, only a CNI plugin has a limit of its own, that of its setting.
 */
export async function teardownSandbox(deps: TeardownDeps, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { id } = sandbox.metadata;
  const containers = deps.containers.bySandbox(id);
  sandbox.stopping = true;
  try {
    await allEnded(containers.map((container) => stopContainerOfPod(deps, container, signal)));
    // No process of a container is left to use the network; its tasks are put away meanwhile.
    await allEnded([putTasksAway(deps, sandbox, containers, signal), takeDownNetwork(deps, sandbox, signal)]);
  } finally {
    sandbox.stopping = false;
  }
  await patiently(signal, () => deps.host.removeTree(deps.paths.imageVolumes(id)));
  await patiently(signal, () => deps.host.unmount(deps.paths.shm(id)));
  sandbox.stopped = true;
}

async function stopContainerOfPod(deps: TeardownDeps, container: Container, signal: AbortSignal): Promise<void> {
  // One that is being started, its caller there or not, can be stopped only once it runs.
  if (container.busy === 'starting') await untilIdle(deps, container, signal);
  await stopTask(deps, container, { timeoutMs: CONTAINER_TIMEOUT_MS, stopSignal: containerSignal(container), signal });
}

/** Afterwards no container has a task, and the pod is NOTREADY and has no pause task. */
async function putTasksAway(
  deps: TeardownDeps,
  sandbox: Sandbox,
  containers: readonly Container[],
  signal: AbortSignal,
): Promise<void> {
  // The pause task must be the last to leave the pod's shim, or the shim stays (2.x).
  await allEnded(containers.map((container) => leaveShim(deps, container, signal)));
  const ids = containers.filter(({ unreported }) => unreported).map(({ metadata }) => metadata.id);
  if (!sandbox.withoutInfra) return killPause(deps, sandbox, signal, ids);
  if (ids.length > 0) await killSilentShim(deps, { ids, shim: shimOf(deps, sandbox) }, signal);
  await unpin(deps, sandbox, signal);
}

function shimOf({ shims }: TeardownDeps, { metadata, shimGroup }: Sandbox): SoughtShim {
  return shims.soughtShim(metadata.id, shimGroup);
}

/** What the end of the pause task is to others, for a pod that has none. Its network's namespace goes with the network. */
async function unpin(deps: TeardownDeps, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { id } = sandbox.metadata;
  await using _held = await deps.locks.hold(id, signal);
  const { network: _network, ...pins } = podPins(deps.paths, sandbox.metadata);
  await patiently(signal, () => deps.host.unpinNamespaces(deps.paths.pinned(id), pins));
  if (sandbox.status.state === 'NOTREADY') return;
  await finishSandbox(deps, sandbox, { exitStatus: 0, exitedAt: BigInt(Date.now()) * 1_000_000n });
}

/** Afterwards nobody is changing the container, and its task is deleted: also one that keeps a code for a full disk. */
async function leaveShim(deps: TeardownDeps, container: Container, signal: AbortSignal): Promise<void> {
  const { id, sandboxId } = container.metadata;
  await using _held = await deps.locks.hold(id, signal);
  if (container.unsaved) await deps.shims.deleting(sandboxId, id, () => deleteTask(deps, id, signal));
}

/** Waits until nobody is changing the container. */
async function untilIdle(deps: TeardownDeps, container: Container, signal: AbortSignal): Promise<void> {
  await using _held = await deps.locks.hold(container.metadata.id, signal);
}

/**
 * Afterwards the pause task is gone and the sandbox is NOTREADY. `unreported`: ids of containers whose exits the shim has not
 * reported. A shim that reports no exits is killed.
 */
export async function killPause(
  deps: TeardownDeps,
  sandbox: Sandbox,
  signal: AbortSignal,
  unreported: readonly string[] = [],
): Promise<void> {
  const { id } = sandbox.metadata;
  const shim = shimOf(deps, sandbox);
  const silent = new Set(unreported);
  await killTask(
    deps,
    { ...pauseTaskOf(deps, sandbox), shim, podEnds: true },
    async (exit) => {
      if (exit.unreported) silent.add(id);
      await using _held = await deps.locks.hold(id, signal);
      await finishSandbox(deps, sandbox, exit);
    },
    signal,
  );
  if (silent.size > 0) await killSilentShim(deps, { ids: [...silent], shim }, signal);
  // Also ends one that nobody watches: a pod whose shim did not answer when we came.
  const handler = deps.handlers.ofPod(sandbox.metadata.runtimeHandler);
  const task = { id, snapshotter: handler.snapshotter, handler };
  await deps.shimGroups.leave(id, () => putTaskAway(deps, sandbox, task, signal), signal);
  if (sandbox.status.state !== 'NOTREADY') deps.sandboxes.update(id, { state: 'NOTREADY', pid: 0 });
}

/** CNI DEL and the removal of the namespace. A pod on the host's network has neither. */
export async function takeDownNetwork(deps: TeardownDeps, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { netnsPath } = sandbox.metadata;
  if (netnsPath === '') return;
  const handler = deps.handlers.ofPod(sandbox.metadata.runtimeHandler);
  // A namespace that is gone (a reboot) is an empty path to CNI: plugins then free what they hold outside of it.
  const present = await deps.host.isNetns(netnsPath);
  await deps
    .networksOf(handler)
    .del({ ...podNetworkConfig(sandbox.metadata), netnsPath: present ? netnsPath : '' }, signal);
  await patiently(signal, () => deps.host.removeNetns(netnsPath));
}
