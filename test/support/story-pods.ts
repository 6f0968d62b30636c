import {
  ContainerConfig,
  CreateContainerRequest,
  type DeepPartial,
  NamespaceMode,
  PodSandboxConfig,
  RunPodSandboxRequest,
} from '../../generated/cri/v1/api';
import { createContainer } from '../../src/cri/container/create-container';
import { startContainer } from '../../src/cri/container/start-container';
import { runPodSandbox } from '../../src/cri/sandbox/run-pod-sandbox';
import type { Container } from '../../src/model/container';
import { APP_IMAGE, type StoryRig } from './story-rig';

/** A configuration in which pods have a pause task only where something needs one. */
export const AUTO = '[containerd.runtimes.runc]\ninfra_container = "auto"';

/** A pod of which nothing needs a pause task: kubelet asks for it unless processes are shared. */
export const OWN_PIDS = {
  linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } },
};

/** A pod as kubelet asks for one, with the parts that a test cares for. */
export function podRequest(config: DeepPartial<PodSandboxConfig> = {}, runtimeHandler = ''): RunPodSandboxRequest {
  return RunPodSandboxRequest.fromPartial({
    runtimeHandler,
    config: { metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', attempt: 0 }, ...config },
  });
}

/** A container as kubelet asks for one. */
export function containerRequest(
  podSandboxId: string,
  config: DeepPartial<ContainerConfig> = {},
): CreateContainerRequest {
  return CreateContainerRequest.fromPartial({
    podSandboxId,
    config: ContainerConfig.fromPartial({
      metadata: { name: 'app', attempt: 0 },
      image: { image: APP_IMAGE },
      ...config,
    }),
    sandboxConfig: PodSandboxConfig.fromPartial({}),
  });
}

/** A pod that runs. */
export async function runPod(rig: StoryRig, config: DeepPartial<PodSandboxConfig> = {}): Promise<string> {
  const { podSandboxId } = await runPodSandbox(rig.deps, podRequest(config), rig.call());
  return podSandboxId;
}

/** A container that was created, not started. */
export async function makeContainer(
  rig: StoryRig,
  podSandboxId: string,
  config: DeepPartial<ContainerConfig> = {},
): Promise<Container> {
  const { containerId } = await createContainer(rig.deps, containerRequest(podSandboxId, config), rig.call());
  const container = rig.deps.containers.get(containerId);
  if (!container) throw new Error(`container ${containerId} is not listed`);
  return container;
}

/** A container that runs. */
export async function runContainer(
  rig: StoryRig,
  podSandboxId: string,
  config: DeepPartial<ContainerConfig> = {},
): Promise<Container> {
  const container = await makeContainer(rig, podSandboxId, config);
  await startContainer(rig.deps, { containerId: container.metadata.id }, rig.call());
  return container;
}
