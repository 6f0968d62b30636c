import type { Socket } from 'node:net';
import type { CgroupReading } from '../model/cgroup-values';
import type { OomWatch } from '../model/container';
import type { HostFacts } from '../model/host-facts';
import type { Mount } from '../model/mount';
import type { NetDev } from '../model/net-dev';
import type { PodPins } from '../model/pod-pins';
import type { SpecIdMapping } from '../model/spec';
import type { Filesystem } from './mount/filesystem';
import type { NamespaceSettings } from './namespace/pod-namespaces';
import type { LeakedShim } from './process/leaked-shims';
import type { RuntimeContainer } from './process/oci-runtime';
import type { ProcessCounts } from './process/process-values';
import type { DeadSocket } from './process/shim-sockets';
import type { ProcessId, ShimTree, SoughtShim } from './process/silent-shim';
import type { ProcessTable } from './process/stray-processes';

/** What a host path turned out to be. */
export interface HostPath {
  /** With every symbolic link resolved. */
  readonly path: string;
  readonly kind: 'directory' | 'file' | 'character' | 'block' | 'other' | 'missing';
}

export interface HostDevice {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  /** Permission bits only. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The user namespace that is to own a network namespace; pinned at `usernsPath`. */
export interface NetnsOwner {
  readonly uids: readonly SpecIdMapping[];
  readonly gids: readonly SpecIdMapping[];
  readonly usernsPath: string;
}

export interface SandboxFiles {
  readonly dir: string;
  readonly hostname: string;
  readonly dns?: { servers: string[]; searches: string[]; options: string[] };
}

/** Everything the stories do to this machine. `server/wiring.ts` builds it from host/; tests stand in for it. */
export interface Host {
  readonly facts: HostFacts;
  createNetns(path: string, userns?: NetnsOwner): Promise<void>;
  /** Idempotent. */
  removeNetns(path: string): Promise<void>;
  isNetns(path: string): Promise<boolean>;
  /** Pins new namespaces; leaves nothing when it fails. */
  pinNamespaces(pins: PodPins): Promise<void>;
  /** Afterwards nothing is pinned there, and `dir`, which held nothing else, is gone. Idempotent. */
  unpinNamespaces(dir: string, pins: PodPins): Promise<void>;
  /** Sets host name and sysctls of pinned namespaces; BadInputError for what the kernel refuses. */
  setInNamespaces(pins: PodPins, settings: NamespaceSettings): Promise<void>;
  isDirectory(path: string): Promise<boolean>;
  writeSandboxFiles(files: SandboxFiles): Promise<void>;
  /** Mounts a tmpfs of 64 MiB with mode 1777 for /dev/shm. */
  mountShm(path: string): Promise<void>;
  makeDir(path: string, mode: number): Promise<void>;
  /** Names in a directory; none when there is no such directory. */
  entries(dir: string): Promise<string[]>;
  /** When a process started, in nanoseconds since 1970 (to a hundredth of a second); undefined when it does not run. */
  startedAt(pid: number): Promise<bigint | undefined>;
  /** Pid of a process' parent; undefined when it does not run. */
  parentOf(pid: number): Promise<number | undefined>;
  /** Resolves when a process has ended, or after `ms`. */
  untilGone(pid: number, ms: number): Promise<void>;
  /** Unmounts what is mounted at or below `dir`, then removes it. Idempotent. */
  removeTree(dir: string): Promise<void>;
  /** Idempotent. */
  removeFile(path: string): Promise<void>;
  /** Idempotent. */
  unmount(path: string): Promise<void>;
  mountAll(mounts: Mount[], target: string, options: { readonly: boolean }): Promise<void>;
  /** As `mountAll`, read-only, with the ids of a user namespace: what is root's on disk is that namespace's root's. */
  mountShifted(mounts: Mount[], target: string, usernsPath: string): Promise<void>;
  isMountPoint(path: string): Promise<boolean>;
  makeFifos(paths: string[]): Promise<void>;
  /** What lies at these paths; a missing one is made a directory when `create` says so. Bounded in time. */
  resolvePaths(paths: { path: string; create: boolean }[]): Promise<HostPath[]>;
  /** A device node, or all device nodes below a directory. */
  devicesAt(path: string): Promise<HostDevice[]>;
  /** Every device of the host, for privileged containers. */
  allDevices(): Promise<HostDevice[]>;
  /** A regular file inside a root filesystem, at most 1 MiB; undefined when there is none. */
  readInRootfs(rootfs: string, path: string): Promise<Buffer | undefined>;
  /** Resolves a path inside a root, never leaving it; undefined when it does not exist. */
  resolveInRoot(
    root: string,
    path: string,
  ): Promise<{ path: string; kind: 'directory' | 'file' | 'other' } | undefined>;
  copyImageVolume(rootfs: string, path: string, target: string, signal: AbortSignal): Promise<void>;
  /** Whether mounts spread from (shared) and to (slave) the mounts that `paths` lie on, in their order. */
  propagationsOf(paths: readonly string[]): Promise<{ shared: boolean; slave: boolean }[]>;
  deleteRuntimeContainer(container: RuntimeContainer): Promise<void>;
  netDevOfPid(pid: number): Promise<NetDev[]>;
  netDevOfNetns(path: string): Promise<NetDev[]>;
  /** Superblock options of the host's cgroup2 mount. */
  cgroupMountOptions(): Promise<string[]>;
  /** Afterwards the default AppArmor profile is loaded. */
  ensureDefaultApparmor(): Promise<void>;
  isApparmorLoaded(name: string): Promise<boolean>;
  /** What a pod's or container's cgroup has used, and when that was read; undefined when it is gone. */
  readCgroup(cgroupsPath: string): Promise<CgroupReading | undefined>;
  /** Pids of the processes in a cgroup and below it; none when it is gone. */
  cgroupProcesses(cgroupsPath: string): Promise<number[]>;
  /** Watches the counter of processes killed for memory of a cgroup; undefined where the kernel tells no changes (v1). */
  watchOomKills(cgroupsPath: string): Promise<OomWatch | undefined>;
  /** How many processes of a cgroup the kernel has killed for memory; undefined when it is gone. */
  oomKills(cgroupsPath: string): Promise<bigint | undefined>;
  /** Cgroups in which the kernel's log says that it killed for memory, by their paths from the root of all cgroups. */
  oomKilledCgroups(): Promise<readonly string[]>;
  /** Which processes run now and for which tasks, by /proc: whatever containerd says. */
  processTable(): Promise<ProcessTable>;
  /** Kills every process in a task's cgroup that containerd does not know any more; answers their pids. */
  killStrays(id: string): Promise<number[]>;
  /** Kills what still works at a task that containerd has given up; `runtime`: the OCI runtime's program. Answers pids. */
  killMakers(id: string, runtime: string): Promise<number[]>;
  /** Shims of a containerd namespace without a process, which containerd has let go of or is just letting go of. */
  leakedShims(namespace: string): Promise<LeakedShim[]>;
  /** Kills it with SIGKILL, unless its pid is another process' by now. */
  killShim(shim: LeakedShim): Promise<void>;
  /** The shim of a task and what runs under it; undefined when there is none. */
  shimTree(id: string, sought: SoughtShim): Promise<ShimTree | undefined>;
  /** Sends SIGKILL to each process whose pid has not been reused. Answers the pids that it was sent to. */
  killProcesses(processes: readonly ProcessId[]): Promise<number[]>;
  /** The address of containerd that a shim was started with; undefined when there is no such shim. */
  shimAddress(pid: number): Promise<string | undefined>;
  /** Paths of the sockets that directories of tasks name, which are below `root`, in one for each namespace. */
  socketsOfTasks(root: string): Promise<string[]>;
  /** Shims' sockets at which nobody listens: in containerd's directory of them, and wherever `others` lie. */
  deadSockets(others: readonly string[]): Promise<DeadSocket[]>;
  /** Removes a socket; false when somebody listens there by now, or it is another one. */
  removeDeadSocket(socket: DeadSocket): Promise<boolean>;
  /** Removes the sockets of these names from containerd's directory of them; answers at how many somebody listens, which stay. */
  removeShimSockets(names: readonly string[]): Promise<number>;
  /** What these processes hold; those that have ended are left out. */
  processCounts(pids: readonly number[]): Promise<ProcessCounts>;
  /** The filesystem that a directory lies on; undefined when there is no such directory. */
  filesystemAt(dir: string): Promise<Filesystem | undefined>;
  /** Gives `path` and all below it an SELinux label; what belongs to the host is refused. */
  relabel(path: string, label: string, signal?: AbortSignal): Promise<void>;
  dialInNetns(path: string, address: string, port: number, signal: AbortSignal): Promise<Socket>;
}
