import type { Step } from '../../base/steps';
import { labelledMounts } from '../../host/selinux';
import { killAndDelete } from '../../lifecycle/kill-and-delete';
import { hasPodNetwork } from '../../lifecycle/pod-network-config';
import { takeDownNetwork } from '../../lifecycle/teardown-sandbox';
import type { Any } from '../../model/any';
import type { Image } from '../../model/image';
import type { Mount } from '../../model/mount';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import { watchSandbox } from '../../monitor/watch-exits';
import type { CriDeps } from '../deps';
import { ensureSandboxImage, knownSandboxImage } from './sandbox-image';
import {
  addToNetwork,
  makeSandboxNetns,
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

/** Derives the pause container, and prepares its root filesystem: under the lease, or it can be collected before its record exists. */
export async function preparePause({ deps, sandbox, handler, signal, step }: Making): Promise<Pause> {
  const { id } = sandbox.metadata;
  const { snapshots } = deps.containerd;
  const image = await step('find the pause image', () => ensureSandboxImage(deps, handler, signal));
  const user = await step('find its user', () => sandboxUser(deps, sandbox, handler, image));
  const spec = await step('derive the spec', () => pauseSpec(deps, sandbox, handler, { image, user }));
  const mounts = await step(
    'prepare the root filesystem',
    () => snapshots.prepare(pauseSnapshot(sandbox, handler, image), { lease: id, signal }),
    (undoing) => snapshots.remove({ snapshotter: handler.snapshotter, key: id }, { signal: undoing }),
  );
  return { image, spec, mounts };
}

/** The record that a pod without a pause task has all the same, so that it is found again and can get one. */
export async function describePause({ deps, sandbox, handler, step }: Making): Promise<Pause> {
  const image = knownSandboxImage(deps);
  const user = userWithoutImage(sandbox);
  const spec = await step('derive the spec', () => pauseSpec(deps, sandbox, handler, { image, user }));
  return { image, spec, mounts: [] };
}

/** The network namespace of a pod with a pause task, and its network; none on the host's. */
export async function makeNetwork(making: Making): Promise<void> {
  const { deps, sandbox, step } = making;
  const { id, config } = sandbox.metadata;
  if (!hasPodNetwork(config)) return;
  await step(
    'make the network namespace',
    () => makeSandboxNetns(deps, sandbox),
    () => deps.host.removeNetns(deps.paths.netns(id)),
  );
  await joinNetwork(making);
}

/** All namespaces of a pod without one, its network, and then what is set inside of them. */
export async function makePinnedNamespaces(making: Making): Promise<void> {
  const { deps, sandbox, step } = making;
  await step(
    'pin its namespaces',
    () => pinSandbox(deps, sandbox),
    () => unpinSandbox(deps, sandbox),
  );
  if (hasPodNetwork(sandbox.metadata.config)) await joinNetwork(making);
  await step('set host name and sysctls', () => setUpNamespaces(deps, sandbox));
}

async function joinNetwork({ deps, sandbox, signal, step }: Making): Promise<void> {
  await step(
    'set up the pod network',
    () => addToNetwork(deps, sandbox, signal),
    (undoing) => takeDownNetwork(deps, sandbox, undoing),
  );
}

/** Creates and starts the pause task; answers its pid. */
export async function runPause({ deps, sandbox, handler, step }: Making, { mounts }: Pause): Promise<number> {
  const { id, processLabel } = sandbox.metadata;
  const { tasks } = deps.containerd;
  const rootfs = labelledMounts(mounts, deps.selinux.mountLabel(processLabel));
  const { pid } = await step(
    'create the task',
    () => tasks.create({ containerId: id, rootfs, runtimePath: handler.runtimePath }),
    (undoing) => killAndDelete(deps, id, undoing),
  );
  await step(
    'watch for its exit', // before it starts: a short-lived task may be gone before the answer arrives
    () => watchSandbox(deps, deps.monitor, sandbox),
    () => {
      deps.monitor.unwatch(id);
      deps.exits.settle(id); // or a later stop waits for an end that nobody will see
    },
  );
  await step('start the task', () => tasks.start({ containerId: id }));
  return pid;
}
