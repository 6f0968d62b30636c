import {
  ContainerEventType,
  type PodSandboxConfig,
  type StartContainerRequest,
  type StartContainerResponse,
} from '../../../generated/cri/v1/api';
import { errorMessage } from '../../base/errors';
import { inSteps } from '../../base/work/steps';
import { isRuncOptions, withIoOwner } from '../../containerd/runtime-options';
import { watchContainer } from '../../exits/watch-exits';
import { labelledMounts } from '../../host/security/selinux';
import type { Any } from '../../model/any';
import { type Container, containerState } from '../../model/container';
import type { RuntimeHandler } from '../../model/runtime-handler';
import { usernsMappings } from '../../oci/process/userns';
import type { Call } from '../../rpc/call';
import { containerStdio, presentPaths } from '../../tasks/container-stdio';
import { clearFailedStart, recordFailedStart } from '../../tasks/failed-start';
import { creatingTask, endTask } from '../../tasks/half-made-task';
import { stepsOf } from '../call-steps';
import type { CriDeps } from '../deps';
import { notReady } from '../errors';
import { requireContainer, requireSandbox } from '../require';
import { requireTargetRuns } from './inputs/namespace-target';

const CLEAR_TIMEOUT_MS = 60_000;

/**
 * Starts a created container. Afterwards it is RUNNING, or EXITED with reason StartError and the error as its message; while
 * the task of a failed start may still be there, it is UNKNOWN.
 */
export async function startContainer(
  deps: CriDeps,
  req: StartContainerRequest,
  call: Call,
): Promise<StartContainerResponse> {
  const container = requireContainer(deps, req.containerId);
  const { id, sandboxId } = container.metadata;
  await using _held = await deps.locks.hold(id, call.signal);
  requireStartable(deps, container);
  container.busy = 'starting';
  container.doubt = undefined;
  try {
    await createAndStartTask(deps, container, call);
  } catch (error) {
    if (!(await recordFailedStart(deps, container, errorMessage(error)))) clearLater(deps, container);
    throw error;
  } finally {
    container.busy = undefined;
  }
  deps.events.publish(id, sandboxId, ContainerEventType.CONTAINER_STARTED_EVENT);
  return {};
}

function requireStartable(deps: CriDeps, container: Container): void {
  const { id, sandboxId } = container.metadata;
  const state = containerState(container.status);
  if (deps.containers.get(id) === undefined || container.busy === 'removing') {
    throw notReady(`container "${id}" is being removed`);
  }
  if (state !== 'CREATED') throw notReady(`container "${id}" is ${state}, only a CREATED one can be started`);
  const sandbox = requireSandbox(deps, sandboxId, 'container_id');
  if (sandbox.status.state !== 'READY') throw notReady(`pod sandbox "${sandboxId}" is not ready`);
  if (sandbox.stopping) throw notReady(`pod sandbox "${sandboxId}" is being stopped`);
  requireTargetRuns(deps, container.metadata.config, sandboxId);
}

async function createAndStartTask(deps: CriDeps, container: Container, call: Call): Promise<void> {
  const { id, sandboxId } = container.metadata;
  const { tasks, snapshots } = deps.containerd;
  const { signal } = call;
  const sandbox = requireSandbox(deps, sandboxId, 'container_id');
  const handler = deps.handlers.ofPod(sandbox.metadata.runtimeHandler);
  const task = { id, snapshotter: container.snapshotter, handler };
  const stdio = containerStdio(deps, container);
  await inSteps(stepsOf(call), async (step) => {
    // Known since it was prepared, unless that was before a restart.
    const mounts =
      container.rootfs ??
      (await step('find the root filesystem', () =>
        snapshots.mounts({ snapshotter: container.snapshotter, key: id }, { signal }),
      ));
    const rootfs = labelledMounts(mounts, deps.selinux.mountLabel(container.metadata.processLabel));
    // Whoever created it may have named them otherwise, and those of before a reboot are gone.
    await step('make its FIFOs', () => deps.host.makeFifos(presentPaths(stdio.paths)));
    await step(
      'open its stdio', // the shim opens the FIFOs for writing and blocks until someone reads
      () => deps.stdio.open(stdio),
      () => deps.stdio.close(id),
    );
    await step(
      'create the task',
      () =>
        deps.shims.creating(sandboxId, id, () =>
          creatingTask(container, () =>
            tasks.create({
              containerId: id,
              rootfs,
              ...stdio.paths,
              terminal: stdio.tty,
              options: ioOwnerOptions(handler, sandbox.metadata.config),
              runtimePath: handler.runtimePath,
            }),
          ),
        ),
      (undoing) => deps.shims.deleting(sandboxId, id, () => endTask(deps, container, task, undoing)),
    );
    await step(
      'watch for its exit', // before it starts: a short-lived task may exit first
      () => watchContainer(deps, deps.monitor, container),
      () => {
        deps.monitor.unwatch(id);
        deps.exits.settle(id);
      },
    );
    let startedAt = 0n;
    const { pid } = await step('start the task', () => {
      // Not after the answer: a container that ends at once has ended by then, and the shim tells when.
      startedAt = BigInt(Date.now()) * 1_000_000n;
      return tasks.start({ containerId: id });
    });
    // No step, which would end it for a caller that has left. What cannot be written down is not to run.
    await deps.containers.update(container, { pid, startedAt });
  });
}

/**
 * In a user namespace the streams must belong to its root, or the container cannot open them again (`/dev/stderr`). A
 * task's options replace the container's, so they repeat them; only runc's shim knows these.
 */
function ioOwnerOptions(handler: RuntimeHandler, config: PodSandboxConfig): Any | undefined {
  const mappings = usernsMappings(config.linux?.securityContext?.namespaceOptions?.usernsOptions);
  const [uid, gid] = [mappings?.uids[0]?.hostID, mappings?.gids[0]?.hostID];
  if (uid === undefined || gid === undefined || !isRuncOptions(handler.options)) return undefined;
  return withIoOwner(handler.options, { uid, gid });
}

/** Its task could not be deleted: that is tried again until it is, unless a stop or a removal has done it. */
function clearLater(deps: CriDeps, container: Container): void {
  const { id } = container.metadata;
  const clear = async (): Promise<boolean> => {
    await using _held = await deps.locks.hold(id);
    if (deps.containers.get(id) === container) {
      await clearFailedStart(deps, container, AbortSignal.timeout(CLEAR_TIMEOUT_MS));
    }
    return true;
  };
  deps.retries.until(`the deletion of the task of container ${id}, whose start failed`, clear, container.failedStart);
}
