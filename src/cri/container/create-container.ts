import {
  ContainerEventType,
  type CreateContainerRequest,
  type CreateContainerResponse,
} from '../../../generated/cri/v1/api';
import { newId } from '../../base/ids';
import { allEnded } from '../../base/work/all-ended';
import { inTurns } from '../../base/work/pieces';
import { inSteps } from '../../base/work/steps';
import type { Container } from '../../model/container';
import type { Image } from '../../model/image';
import type { Mount } from '../../model/mount';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import { checkContainer } from '../../oci/check-container';
import { usernsMappings } from '../../oci/process/userns';
import type { Call } from '../../rpc/call';
import { fifoPaths, presentPaths } from '../../tasks/container-stdio';
import { removeContainerParts } from '../../tasks/delete-container';
import { stepsOf } from '../call-steps';
import type { CriDeps } from '../deps';
import { notFound, notReady } from '../errors';
import { type NamedContainerConfig, requireContainerConfig, requireSandbox } from '../require';
import { containerLabel } from '../selinux';
import { snapshotLabels } from '../snapshot-labels';
import { containerRecord, newContainer } from './container-record';
import { containerFingerprint, existingContainer } from './existing-container';
import { containerInputs } from './inputs/container-inputs';
import { volumesOf } from './inputs/image-declared-volumes';
import { mountImageVolumes } from './inputs/image-volumes';
import { containerLogPath } from './inputs/log-path';
import { requireTargetRuns } from './inputs/namespace-target';

/** What the removal of what is left may take, each time it is tried. */
const CLEAR_TIMEOUT_MS = 60_000;

/**
 * Creates a container in a READY sandbox. Afterwards it is CREATED, or there is nothing; what a daemon that is away would not
 * take back goes when it is there again, and keeps nobody from another attempt. Its image must be here already. A call that
 * is repeated while it runs, or after it, answers the same container. A pod that is stopped or removed meanwhile gets none:
 * then this fails as for a pod that was not READY, or not there, to begin with.
 */
export async function createContainer(
  deps: CriDeps,
  req: CreateContainerRequest,
  call: Call,
): Promise<CreateContainerResponse> {
  const config = requireContainerConfig(req.config);
  const sandbox = requireReadySandbox(deps, req.podSandboxId);
  const image = await requireImage(deps, config, call.signal);
  const logPath = containerLogPath(sandbox.metadata.config.logDirectory, config.logPath);
  const handler = handlerOf(deps, sandbox);
  const { snapshotter } = handler;
  await inTurns(
    checkContainer({
      config,
      sandboxConfig: sandbox.metadata.config,
      image,
      features: await deps.features.of(handler),
      facts: deps.host.facts,
      settings: deps.config,
    }),
  );
  volumesOf(deps, image, config.mounts);
  const draft = newContainer({ id: newId(), sandbox, config, image, logPath, snapshotter });
  const fingerprint = await containerFingerprint(draft);
  const containerId = await deps.creations.join(draft.metadata.name, fingerprint, async () => {
    const existing = await existingContainer(deps, draft, fingerprint, call);
    return (
      existing ??
      makeContainer(deps, { draft, config, sandbox, image }, call).catch((error: unknown) => {
        requireReadySandbox(deps, sandbox.metadata.id); // what failed because the pod has gone is told so
        throw error;
      })
    );
  });
  return { containerId };
}

interface Making {
  readonly draft: Container;
  readonly config: NamedContainerConfig;
  readonly sandbox: Sandbox;
  readonly image: Image;
}

async function makeContainer(deps: CriDeps, making: Making, call: Call): Promise<string> {
  const { draft, config, sandbox, image } = making;
  const handler = handlerOf(deps, sandbox);
  const targetPid = requireTargetRuns(deps, config, sandbox.metadata.id);
  const { id, name } = draft.metadata;
  const { containers } = deps.containerd;
  const { signal } = call;
  const lease = sandbox.metadata.id;
  const unpack = { snapshotter: handler.snapshotter, signal };
  await using _held = await deps.locks.hold(id);

  const stuck = (): void => clearLater(deps, draft);
  await inSteps({ ...stepsOf(call), stuck }, async (step, together) => {
    await step(
      'reserve the name',
      () => deps.names.reserve(name, id),
      () => deps.names.release(name, id),
    );
    await step(
      'choose its SELinux label',
      () => {
        draft.metadata.processLabel = containerLabel(deps, config, sandbox);
      },
      () => deps.selinux.release(draft.metadata.processLabel),
    );
    await step('unpack the image', () => deps.unpacked.ensure(image, unpack));
    await step('look at its pod again', () => requireReadySandbox(deps, lease)); // that may have taken minutes
    // The root filesystem first: what this machine alone undoes is undone also when the daemon has gone.
    const [rootfs, made] = await together(
      () =>
        step(
          'prepare the root filesystem', // under the pod's lease: without one it can be collected before its record exists
          () => deps.unpacked.using(image, unpack, () => prepareRootfs(deps, making, signal)),
          (undoing) => removeSnapshot(deps, draft, undoing),
        ),
      async () => {
        await step(
          'make its directories',
          () => makeDirectories(deps, id, config),
          () => removeDirectories(deps, id),
        );
        const volumes = await step(
          'mount its image volumes', // they are the pod's, shared by its containers, and go when it stops
          () => mountImageVolumes(deps, sandbox, config, signal),
          (undoing) => removeVolumesOfStopped(deps, lease, undoing),
        );
        const inputs = await step('look at the host', () =>
          containerInputs(deps, { draft, sandbox, config, image, handler, targetPid, volumes, signal }),
        );
        return inTurns(containerRecord(deps, draft, inputs));
      },
    );
    await together(
      () =>
        step(
          'create the container',
          () => containers.create(made.record, { lease, signal }),
          (undoing) => containers.delete(id, { signal: undoing }),
        ),
      () => step('write its status', () => deps.containers.writeStatus(id, made.container.status)),
    );
    return step('list it', () => {
      // At one go: a stop of the pod that begins before this is seen here, and one that begins after it sees the container.
      requireReadySandbox(deps, lease);
      const listed = { ...made.container, rootfs };
      deps.containers.add(listed);
      return listed;
    });
  });

  // Nothing below may fail: the container exists.
  deps.events.publish(id, sandbox.metadata.id, ContainerEventType.CONTAINER_CREATED_EVENT);
  return id;
}

/** Answers how its root filesystem is mounted. */
function prepareRootfs(deps: CriDeps, { draft, sandbox, image }: Making, signal: AbortSignal): Promise<Mount[]> {
  const options = sandbox.metadata.config.linux?.securityContext?.namespaceOptions?.usernsOptions;
  const labels = snapshotLabels(usernsMappings(options));
  const { snapshotter, metadata } = draft;
  const snapshot = { snapshotter, key: metadata.id, parent: image.chainId, labels };
  return deps.containerd.snapshots.prepare(snapshot, { lease: metadata.sandboxId, signal });
}

async function removeSnapshot(deps: CriDeps, { snapshotter, metadata }: Container, signal: AbortSignal): Promise<void> {
  await deps.containerd.snapshots.remove({ snapshotter, key: metadata.id }, { signal });
}

/** Has the rest of an undoing done as soon as it can be. Nothing of it but the name is in the way of another attempt. */
function clearLater(deps: CriDeps, draft: Container): void {
  const { id, name } = draft.metadata;
  deps.names.release(name, id);
  deps.retries.until(`the removal of what is left of container ${id}`, async () => {
    await using _held = await deps.locks.hold(id);
    await removeContainerParts(deps, draft, AbortSignal.timeout(CLEAR_TIMEOUT_MS));
    return true;
  });
}

function handlerOf(deps: CriDeps, sandbox: Sandbox): RuntimeHandler {
  return deps.handlers.ofPod(sandbox.metadata.runtimeHandler);
}

function requireReadySandbox(deps: CriDeps, sandboxId: string): Sandbox {
  const sandbox = requireSandbox(deps, sandboxId, 'pod_sandbox_id');
  const { status, stopping, metadata } = sandbox;
  if (status.state !== 'READY' || stopping) throw notReady(`pod sandbox "${metadata.id}" is not ready`);
  return sandbox;
}

/** Image volumes that were mounted when the stop of their pod had taken its own away; nothing else would unmount them. */
async function removeVolumesOfStopped(deps: CriDeps, sandboxId: string, signal: AbortSignal): Promise<void> {
  const sandbox = deps.sandboxes.get(sandboxId);
  if (sandbox?.status.state === 'READY' && !sandbox.stopping) return;
  await using _held = await deps.locks.hold(`stop/${sandboxId}`, signal);
  await deps.host.removeTree(deps.paths.imageVolumes(sandboxId));
}

/** An image is looked up, never pulled: kubelet pulls, and counts what it pulled. */
async function requireImage(deps: CriDeps, config: NamedContainerConfig, signal: AbortSignal): Promise<Image> {
  const wanted = config.image?.image ?? '';
  const image = deps.images.find(wanted);
  if (!image) throw notFound('image', wanted);
  return deps.images.withConfig(image, signal);
}

async function makeDirectories(deps: CriDeps, id: string, config: NamedContainerConfig): Promise<void> {
  const io = deps.paths.io(id);
  await allEnded([
    deps.host.makeDir(deps.paths.containerRoot(id), 0o700),
    deps.host.makeDir(io, 0o700).then(() => deps.host.makeFifos(presentPaths(fifoPaths(io, id, config)))),
  ]);
}

async function removeDirectories(deps: CriDeps, id: string): Promise<void> {
  await deps.host.removeTree(deps.paths.containerState(id));
  await deps.host.removeTree(deps.paths.containerRoot(id));
}
