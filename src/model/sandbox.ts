import type { LinuxContainerResources, PodSandboxConfig } from '../../generated/cri/v1/api';

/** What never changes about a pod sandbox but its network, which is known once CNI has answered. */
export interface SandboxMetadata {
  readonly id: string;
  /** `name_namespace_uid_attempt`. */
  readonly name: string;
  readonly config: PodSandboxConfig;
  /** Handler as the request named it; empty: the default. */
  readonly runtimeHandler: string;
  /** Path of the pinned network namespace; empty on the host's network. */
  netnsPath: string;
  ip: string;
  additionalIps: string[];
  /** go-cni's result as plain JSON, kept byte for byte for the plugin. */
  cniResult?: unknown;
  /** SELinux label before what privileges and virtual machines make of it; empty without SELinux. */
  processLabel: string;
}

export type SandboxState = 'READY' | 'NOTREADY';

/** What changes about a sandbox. Replaced as a whole, under the sandbox's lock. */
export interface SandboxStatus {
  readonly state: SandboxState;
  /** Pid of the pause process; 0 when there is none. */
  readonly pid: number;
  /** Nanoseconds since 1970; never 0. */
  readonly createdAt: bigint;
  readonly exitedAt: bigint;
  readonly exitStatus: number;
  /** What UpdatePodSandboxResources said last. */
  readonly overhead?: LinuxContainerResources;
  readonly resources?: LinuxContainerResources;
}

/** The status with an end that is not before its creation: two clocks tell them. */
export function inOrder(status: SandboxStatus): SandboxStatus {
  const { createdAt, exitedAt } = status;
  return exitedAt !== 0n && exitedAt < createdAt ? { ...status, exitedAt: createdAt } : status;
}

export interface Sandbox {
  /** Replaced once, where it could not be read at a start. */
  metadata: SandboxMetadata;
  status: SandboxStatus;
  /** It has no pause task: its namespaces are held by the files that they are pinned at. */
  withoutInfra?: boolean;
  /** Id of the pod whose shim it is in; absent: in its own. Set while it is made; stands in the pause container's spec. */
  shimGroup?: string;
  /** Its start failed and what became of its pause task is not known: it may be there, or a shim that nobody knows. */
  halfMade?: boolean;
  /** Why it is not known whether its pause task runs. It is asked again until it is. */
  doubt?: string;
  /** Why its metadata is not complete: its status is not told until it can be read, or the pod has been stopped. */
  unreadable?: string;
  /** It is being taken down: nothing new may begin in it, though it is READY yet. */
  stopping?: boolean;
  /** StopPodSandbox has succeeded in this process. Not stored. */
  stopped?: boolean;
}
