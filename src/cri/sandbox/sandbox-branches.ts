import type { Step } from '../../base/work/steps';
import type { ContainerRecord } from '../../containerd/containers';
import { watchSandbox } from '../../exits/watch-exits';
import { labelledMounts } from '../../host/security/selinux';
import type { Any } from '../../model/any';
import type { Image } from '../../model/image';
import type { Mount } from '../../model/mount';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import { nameInterfaces } from '../../oci/sysctls';
import { groupsTasks } from '../../pods/infra';
import { hasPodNetwork } from '../../pods/pod-network-config';
import { takeDownNetwork } from '../../pods/teardown-sandbox';
import { SANDBOX_EXTENSION, sandboxMetadataExtension } from '../../state/records';
import { creatingTask, endTask } from '../../tasks/half-made-task';
import type { CriDeps } from '../deps';
import { ensureSandboxImage, knownSandboxImage } from './sandbox-image';
import {
  addToNetwork,
  makeSandboxNetns,
  pauseRecord,
  pauseSnapshot,
  pauseSpec,
  pinSandbox,
  setUpNamespaces,
  unpinSandbox,
} from './sandbox-parts';
import { sandboxUser, userWithoutImage } from './sandbox-user';

/** A sandbox that is being made, step by step. */
export interface Making {
  readonly deps: CriDeps;
  readonly sandbox: Sandbox;
  readonly handler: RuntimeHandler;
  readonly signal: AbortSignal;
  readonly step: Step;
}

/** What its pause container is to be. */
export interface Pause {
  readonly image: Pick<Image, 'config'>;
  readonly spec: Any;
  /** Its root filesystem; none as long as it has no task. */
  readonly mounts: Mount[];
}

/**
 * Whether the pause task may be created while the network is being set up: it joins the namespace, which is there. Not where
 * the shim (a virtual machine's) looks at the network, nor with sysctls of an interface, which are set with the task.
 */
export function createsTaskEarly({ sandbox, handler }: Pick<Making, 'sandbox' | 'handler'>): boolean {
  return groupsTasks(handler) && !nameInterfaces(sandbox.metadata.config.linux?.sysctls ?? {});
}

/** Derives the pause container, and prepares its root filesystem: under the lease, or it can be collected before its record exists. */
export async function preparePause({ deps, sandbox, handler, signal, step }: Making): Promise<Pause> {
  const { id } = sandbox.metadata;
  const { snapshots } = deps.containerd;
  const image = await step('find the pause image', () => ensureSandboxImage(deps, handler, signal));
  const user = await step('find its user', () => sandboxUser(deps, sandbox, handler, image));
  await step(
    'choose its shim',
    async () => {
      sandbox.shimGroup = await deps.shimGroups.enter(id, handler, signal);
    },
    () => deps.shimGroups.forget(id),
  );
  const spec = await step('derive the spec', () => pauseSpec(deps, sandbox, handler, { image, user }));
  const mounts = await step(
    'prepare the root filesystem',
    () =>
      deps.unpacked.using(image, { snapshotter: handler.snapshotter, signal }, () =>
        snapshots.prepare(pauseSnapshot(sandbox, handler, image), { lease: id, signal }),
      ),
    (undoing) => snapshots.remove({ snapshotter: handler.snapshotter, key: id }, { signal: undoing }),
  );
  return { image, spec, mounts };
}

/** The record that a pod without a pause task has all the same, so that it is found again and can get one. */
export async function describePause({ deps, sandbox, handler, signal, step }: Making): Promise<Pause> {
  const image = await step('find the pause image', () => knownSandboxImage(deps, signal));
  const user = userWithoutImage(sandbox);
  const spec = await step('derive the spec', () => pauseSpec(deps, sandbox, handler, { image, user }));
  return { image, spec, mounts: [] };
}

/** The network namespace of a pod with a pause task; none on the host's. */
export async function makeNetns({ deps, sandbox, step }: Making): Promise<void> {
  const { id, config } = sandbox.metadata;
  if (!hasPodNetwork(config)) return;
  await step(
    'make the network namespace',
    () => makeSandboxNetns(deps, sandbox),
    () => deps.host.removeNetns(deps.paths.netns(id)),
  );
}

/** All namespaces of a pod without one, its network, and then what is set inside of them. */
export async function makePinnedNamespaces(making: Making): Promise<void> {
  const { deps, sandbox, step } = making;
  await step(
    'pin its namespaces',
    () => pinSandbox(deps, sandbox),
    () => unpinSandbox(deps, sandbox),
  );
  await joinNetwork(making);
  await step('set host name and sysctls', () => setUpNamespaces(deps, sandbox));
}

/** CNI ADD in the pod's namespace; nothing for a pod on the host's network. */
export async function joinNetwork({ deps, sandbox, signal, step }: Making): Promise<void> {
  if (!hasPodNetwork(sandbox.metadata.config)) return;
  await step(
    'set up the pod network',
    () => addToNetwork(deps, sandbox, signal),
    (undoing) => takeDownNetwork(deps, sandbox, undoing),
  );
}

/** The record of the pod in containerd, by which it is found again. */
export function recordPause({ deps, sandbox, handler, signal, step }: Making, pause: Pause): Promise<ContainerRecord> {
  const { id } = sandbox.metadata;
  const { containers } = deps.containerd;
  return step(
    'create the container',
    () => containers.create(pauseRecord(deps, sandbox, handler, pause), { lease: id, signal }),
    (undoing) => containers.delete(id, { signal: undoing }),
  );
}

/** Writes into a record that was made before it what is known of the pod's network. */
export function recordNetwork({ deps, sandbox, signal, step }: Making): Promise<void> {
  const { metadata } = sandbox;
  const extensions = { [SANDBOX_EXTENSION]: sandboxMetadataExtension(metadata) };
  return step('record its network', () =>
    deps.containerd.containers.update({ id: metadata.id, extensions }, [`extensions.${SANDBOX_EXTENSION}`], { signal }),
  );
}

/** Creates the pause task; answers its pid. */
export async function createPause({ deps, sandbox, handler, step }: Making, { mounts }: Pause): Promise<number> {
  const { id, processLabel } = sandbox.metadata;
  const rootfs = labelledMounts(mounts, deps.selinux.mountLabel(processLabel));
  const { pid } = await step(
    'create the task',
    () =>
      creatingTask(sandbox, () =>
        deps.containerd.tasks.create({ containerId: id, rootfs, runtimePath: handler.runtimePath }),
      ),
    (undoing) => endTask(deps, sandbox, { id, snapshotter: handler.snapshotter, handler }, undoing),
  );
  return pid;
}

/** Starts the pause task. */
export async function startPause({ deps, sandbox, step }: Making): Promise<void> {
  const { id } = sandbox.metadata;
  await step(
    'watch for its exit', // before it starts: a short-lived task may be gone before the answer arrives
    () => watchSandbox(deps, deps.monitor, sandbox),
    () => {
      deps.monitor.unwatch(id);
      deps.exits.settle(id); // or a later stop waits for an end that nobody will see
    },
  );
  await step('start the task', () => deps.containerd.tasks.start({ containerId: id }));
}
