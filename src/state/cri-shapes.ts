import {
  type Container as CriContainer,
  ContainerState as CriContainerState,
  type ContainerStatus as CriContainerStatus,
  type PodSandbox,
  PodSandboxState,
  type PodSandboxStatus,
  Signal,
} from '../../generated/cri/v1/api';
import { type Container, containerState } from '../model/container';
import type { Sandbox } from '../model/sandbox';

/** What an image is called now; it may have been tagged anew or removed since the container was made. */
export interface ImageNames {
  /** First repo tag, else the image's id. */
  readonly image: string;
  /** First repo digest, else the image's id. */
  readonly imageRef: string;
}

/** How a container's image is called now; undefined when the image is gone. */
export type NamesOfImage = (imageId: string) => ImageNames | undefined;

const CONTAINER_STATES = {
  CREATED: CriContainerState.CONTAINER_CREATED,
  RUNNING: CriContainerState.CONTAINER_RUNNING,
  EXITED: CriContainerState.CONTAINER_EXITED,
  UNKNOWN: CriContainerState.CONTAINER_UNKNOWN,
} as const;

/** The state of a container as CRI numbers it. */
export function toCriContainerState(container: Container): CriContainerState {
  return CONTAINER_STATES[containerState(container.status)];
}

/** CRI knows READY and NOTREADY only: kubelet stops a pod that is NOTREADY and makes another. */
export function toCriSandboxState(sandbox: Sandbox): PodSandboxState {
  return sandbox.status.state === 'READY' ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
}

/** A container as List shows it. */
export function toCriContainer(container: Container): CriContainer {
  const { id, sandboxId, config, imageRef } = container.metadata;
  return {
    id,
    podSandboxId: sandboxId,
    metadata: config.metadata,
    image: config.image,
    imageRef,
    state: toCriContainerState(container),
    createdAt: container.status.createdAt,
    labels: config.labels,
    annotations: config.annotations,
    imageId: imageRef,
  };
}

/** A container as Status and events show it. Times are those its state may have; createdAt is never 0. */
export function toCriContainerStatus(container: Container, namesOf: NamesOfImage): CriContainerStatus {
  const { id, config, imageRef, logPath } = container.metadata;
  const { status } = container;
  const names = namesOf(imageRef) ?? recordedNames(container);
  const exited = containerState(status) === 'EXITED';
  return {
    id,
    metadata: config.metadata,
    state: toCriContainerState(container),
    createdAt: status.createdAt,
    startedAt: status.startedAt,
    finishedAt: status.finishedAt,
    exitCode: status.exitCode,
    image: { image: names.image, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' },
    imageRef: names.imageRef,
    reason: status.reason || (exited ? (status.exitCode === 0 ? 'Completed' : 'Error') : ''),
    message: status.message,
    labels: config.labels,
    annotations: config.annotations,
    mounts: config.mounts,
    logPath,
    resources: status.resources,
    imageId: imageRef,
    user: toCriUser(container),
    stopSignal: toCriSignal(container.metadata.stopSignal),
  };
}

/** What an image was called when its container was made: for one that is gone. */
function recordedNames({ metadata: { config, imageRef, imageName } }: Container): ImageNames {
  return { image: imageName || config.image?.image || imageRef, imageRef };
}

function toCriUser(container: Container): CriContainerStatus['user'] {
  if (!container.user) return undefined;
  const { uid, gid, additionalGids } = container.user;
  return { linux: { uid: BigInt(uid), gid: BigInt(gid), supplementalGroups: additionalGids.map(BigInt) } };
}

/** CRI numbers signals its own way, by name; a signal it has no name for is reported as the runtime's default. */
export function toCriSignal(stopSignal: string): Signal {
  const name = (stopSignal || 'SIGTERM').toUpperCase();
  const full = name.startsWith('SIG') ? name : `SIG${name}`;
  const key = full.replace('RTMIN+', 'RTMINPLUS').replace('RTMAX-', 'RTMAXMINUS');
  const value = (Signal as unknown as Record<string, Signal | undefined>)[key];
  return typeof value === 'number' ? value : Signal.RUNTIME_DEFAULT;
}

/** A sandbox as List shows it. */
export function toCriSandbox(sandbox: Sandbox): PodSandbox {
  const { id, config, runtimeHandler } = sandbox.metadata;
  return {
    id,
    metadata: config.metadata,
    state: toCriSandboxState(sandbox),
    createdAt: sandbox.status.createdAt,
    labels: config.labels,
    annotations: config.annotations,
    runtimeHandler,
  };
}

/** A sandbox as Status and events show it. `networkClosed`: the network namespace is gone, and the address with it. */
export function toCriSandboxStatus(sandbox: Sandbox, networkClosed: boolean): PodSandboxStatus {
  const { id, config, runtimeHandler, ip, additionalIps } = sandbox.metadata;
  const options = config.linux?.securityContext?.namespaceOptions;
  return {
    id,
    metadata: config.metadata,
    state: toCriSandboxState(sandbox),
    createdAt: sandbox.status.createdAt,
    network: networkClosed
      ? { ip: '', additionalIps: [] }
      : { ip, additionalIps: additionalIps.map((address) => ({ ip: address })) },
    linux: {
      namespaces: { options: options ?? { network: 0, pid: 0, ipc: 0, targetId: '', usernsOptions: undefined } },
    },
    labels: config.labels,
    annotations: config.annotations,
    runtimeHandler,
  };
}
