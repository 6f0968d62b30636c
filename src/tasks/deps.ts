import type { Logger } from '../base/logger';
import type { KeyedMutex } from '../base/work/keyed-mutex';
import type { PodNetworks as PodNetworksOfDir } from '../cni/pod-networks';
import type { ContainerdClient } from '../containerd/client';
import type { Host } from '../host/machine';
import type { Paths } from '../host/paths';
import type { SelinuxLabelAllocator } from '../host/security/selinux-labels';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { PodShims } from '../shims/pod-shims';
import type { ShimGroups } from '../shims/shim-groups';
import type { ContainerEvents } from '../state/container-events';
import type { ContainerStore } from '../state/container-store';
import type { Exits } from '../state/exits';
import type { NameIndex } from '../state/name-index';
import type { SandboxStore } from '../state/sandbox-store';
import type { LastingStdio } from '../stdio/stdio-service';

/** Which release of containerd is behind the socket and what it offers beyond 1.6, asked at start and after a reconnect. */
export interface DaemonFeatures {
  readonly sandboxStore: boolean;
  /** Its release as it says it: `v2.4.2`, `1.6.20~ds1`. Empty until it has been asked. */
  readonly version: string;
}

/** The runtime handlers of the configuration. */
export interface RuntimeHandlers {
  readonly default: RuntimeHandler;
  readonly all: readonly RuntimeHandler[];
  /** By the name of a request; the empty name is the default. */
  find(name: string): RuntimeHandler | undefined;
  /** The handler that a pod was made with; the default one where the configuration has lost it. */
  ofPod(name: string | undefined): RuntimeHandler;
}

/** The networks of one configuration directory, by what they can do. */
export type PodNetworks = Pick<PodNetworksOfDir, keyof PodNetworksOfDir>;

/** What the verbs below the stories may ask for. */
export interface LifecycleDeps {
  readonly log: Logger;
  readonly containerd: ContainerdClient;
  readonly daemon: { features: DaemonFeatures };
  readonly host: Host;
  readonly paths: Paths;
  readonly handlers: RuntimeHandlers;
  readonly locks: KeyedMutex;
  readonly names: NameIndex;
  readonly shimGroups: ShimGroups;
  /** Which SELinux levels are taken, and by how many. */
  readonly selinux: SelinuxLabelAllocator;
  readonly sandboxes: SandboxStore;
  readonly shims: PodShims;
  readonly containers: ContainerStore;
  readonly exits: Exits;
  readonly stdio: LastingStdio;
  readonly events: ContainerEvents;
  /** A longer line of output is split in the log; in bytes, -1: never. */
  readonly maxLogLineBytes: number;
  /** The networks of a handler: a handler may have a configuration directory of its own. */
  networksOf(handler: RuntimeHandler): PodNetworks;
}
