import type {
  ContainerConfig as CriContainerConfig,
  Mount as CriMount,
  Device,
  PodSandboxConfig,
} from '../../generated/cri/v1/api';
import type { HostFacts } from '../model/host-facts';
import type { Image } from '../model/image';
import type { PodPins } from '../model/pod-pins';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { Spec, SpecBlockIo, SpecHooks, SpecLinux, SpecMount, SpecSeccomp, SpecUser } from '../model/spec';
import type { OciSettings } from './settings';

/** A device node of the host, as stat(2) tells it. */
export interface HostDevice {
  /** Absolute path on the host. */
  readonly path: string;
  /** `c` character, `b` block. */
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  /** Permission bits only (0o666). */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** One entry of `config.devices` with what lies behind its host path. */
export interface ResolvedDevice {
  readonly device: Device;
  /** The host path with symlinks resolved. */
  readonly hostPath: string;
  /** The device itself, or every device below `hostPath` when that is a directory. */
  readonly nodes: readonly HostDevice[];
}

/** How a mount of the host passes mounts on (the optional fields of mountinfo). */
export type Propagation = 'private' | 'slave' | 'shared';

/** One entry of `config.mounts` with its source as found on the host. */
export interface ResolvedMount {
  readonly mount: CriMount;
  /** Host path with symlinks resolved; for an image volume, the directory of the mounted image (sub path included). */
  readonly source: string;
  /** Propagation of the mount that `source` lies on. Needed when the mount asks for another than PRIVATE. */
  readonly sourcePropagation?: Propagation;
}

/** A directory of ours that stands in for a VOLUME of the image. */
export interface ResolvedVolume {
  readonly containerPath: string;
  readonly source: string;
}

/** Where a sandbox's files are on the host. One left out is not mounted. */
export interface SandboxFiles {
  readonly hostname?: string;
  readonly hosts?: string;
  readonly resolvConf?: string;
  /** The pod's own /dev/shm; the host's is used when the pod shares the host's IPC namespace. */
  readonly shm?: string;
}

/** Empty strings: no SELinux. */
export interface SelinuxLabels {
  readonly process: string;
  readonly mount: string;
}

/** What the handler's OCI runtime can do (its `features`). */
export interface HandlerFeatures {
  readonly recursiveReadOnlyMounts: boolean;
  /** `potentiallyUnsafeConfigAnnotations`: exact names, or prefixes when they end with a dot. */
  readonly unsafeAnnotations?: readonly string[];
  /** The lowest release of runtime-spec that it takes, if it says so. */
  readonly ociVersionMin?: string;
}

/** A device node that a CDI spec adds. Type, numbers and mode may be missing until `fillDeviceNodes`. */
export interface CdiDeviceNode {
  readonly path: string;
  readonly hostPath: string;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly permissions: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** What CDI devices change about a spec, in the order of the devices. */
export interface CdiEdits {
  readonly env: readonly string[];
  readonly deviceNodes: readonly CdiDeviceNode[];
  readonly mounts: readonly SpecMount[];
  readonly hooks: SpecHooks;
  readonly additionalGids: readonly number[];
  readonly intelRdt?: SpecLinux['intelRdt'];
  readonly netDevices: Readonly<Record<string, { name?: string }>>;
}

/** All that a container's spec is made from. */
export interface ContainerSpecInput {
  readonly id: string;
  readonly sandbox: {
    readonly id: string;
    /** Pid of the pause process: its namespaces are joined by path. 0 without one. */
    readonly pid: number;
    /** Where the namespaces are pinned in a pod without a pause process. */
    readonly pins?: PodPins;
    /** Id of the pod whose shim it is in; absent: in its own. */
    readonly shimGroup?: string;
    readonly files: SandboxFiles;
  };
  readonly config: CriContainerConfig;
  readonly sandboxConfig: PodSandboxConfig;
  readonly image: Pick<Image, 'config'>;
  /** The image as resolved, for the annotation, unless the request has `user_specified_image`. */
  readonly imageName: string;
  readonly handler: RuntimeHandler;
  readonly facts: HostFacts;
  readonly settings: OciSettings;
  readonly features: HandlerFeatures;
  /** From `resolveUser`. */
  readonly user: SpecUser;
  /** One for each of `config.mounts`, in that order. */
  readonly mounts: readonly ResolvedMount[];
  /** One for each of `imageVolumePaths`; none when image volumes are ignored. */
  readonly volumes: readonly ResolvedVolume[];
  /** One for each of `config.devices`, in that order. */
  readonly devices: readonly ResolvedDevice[];
  /** Every device of the host; read only when `wantsHostDevices`. */
  readonly hostDevices?: readonly HostDevice[];
  /** From `CdiRegistry.resolve` and `fillDeviceNodes`. */
  readonly cdi?: CdiEdits;
  /** The handler's base_runtime_spec, parsed. */
  readonly base?: Spec;
  /** From `parseSeccompProfile`, when `chooseSeccomp` named a file. */
  readonly seccompProfile?: SpecSeccomp;
  /** Pid of the target container; needed when `pid` is TARGET. */
  readonly targetPid?: number;
  readonly labels: SelinuxLabels;
  /** What the container's block I/O class says. */
  readonly blockIo?: SpecBlockIo;
  /** The container's RDT class: a group of the kernel's resource control. */
  readonly rdtClass?: string;
  /** Superblock options of the host's cgroup2 mount: a privileged container's mount must repeat them. */
  readonly cgroupMountOptions?: readonly string[];
}

/** All that the pause container's spec is made from. */
export interface SandboxSpecInput {
  readonly id: string;
  /** Id of the pod whose shim it enters; absent: one of its own. */
  readonly shimGroup?: string;
  readonly config: PodSandboxConfig;
  /** The pause image. */
  readonly image: Pick<Image, 'config'>;
  readonly imageName: string;
  readonly handler: RuntimeHandler;
  readonly facts: HostFacts;
  readonly settings: OciSettings;
  readonly features: HandlerFeatures;
  /** From `resolveUser`, with the sandbox's security context. */
  readonly user: SpecUser;
  /** Pinned network namespace; empty on the host's network. */
  readonly netnsPath: string;
  /** User namespace that owns the network namespace; needed with a user namespace and a pod network. */
  readonly userNamespacePath?: string;
  /** Where its namespaces are pinned, in a pod that does without a pause process. */
  readonly pins?: PodPins;
  readonly files: SandboxFiles;
  readonly seccompProfile?: SpecSeccomp;
  readonly labels: SelinuxLabels;
}
