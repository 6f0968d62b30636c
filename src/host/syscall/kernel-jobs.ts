import type { CgroupReading } from '../../model/cgroup-values';
import type { Mount } from '../../model/mount';
import type { CgroupLayout } from '../cgroup/cgroup-layout';
import { cgroupProcessesNow, readCgroupNow } from '../cgroup/cgroup-now';
import { oomKilledCgroupsNow } from '../cgroup/kernel-log';
import { oomKillsNow } from '../cgroup/oom-counter';
import { devicesAtNow, devicesBelowNow, type HostDeviceNode } from '../files/device-nodes';
import { type Filesystem, filesystemNow } from '../mount/filesystem-now';
import { type LookedAt, lookLocally } from '../mount/local-look';
import { mountByCall, mountShiftedByCall, unmountByCall, unmountOnceByCall } from '../mount/mount-calls';
import { type HeldPlace, openPlaceNow } from '../mount/place';
import { type LocalFile, readLocallyNow } from '../mount/read-locally';
import { readRootfsFileNow } from '../mount/rootfs-file';
import { removeTreeNow } from '../mount/tree-calls';
import {
  loopbackUpByCall,
  netDevByCall,
  netDevNow,
  type PinnedAt,
  pinByCall,
  type Setting,
  setByCall,
  socketByCall,
} from '../namespace/namespace-calls';
import { type ProcessCounts, processCountsNow } from '../process/process-counts';
import { lookAtProcessesNow, type ProcessColumns } from '../process/process-look';
import type { Syscalls } from './syscalls';

/** One kind of call that the kernel may hold up. `run` blocks its thread and takes and answers what can be cloned. */
interface Job<Input, Output> {
  run(input: Input, syscalls: Syscalls | undefined): Output;
  /** What it does, for errors and the log; what it is done to follows. */
  readonly what: string;
  /** When callers give up. An undo has a minute, and kubelet two for most calls. */
  readonly timeoutMs: number;
  /** May be repeated, so that a repetition can wait for the call that is under way. */
  readonly shared?: boolean;
  /** Statistics: nothing waits for them but the next sample. */
  readonly background?: boolean;
  /** Takes a path that may lead to a filesystem of another machine. */
  readonly remote?: boolean;
}

/** A cgroup by its name, and how to find it. */
interface InCgroup {
  readonly name: string;
  readonly layout: CgroupLayout;
  readonly root: string;
}

const LOOK_MS = 10_000;
/** The end of a container waits for it. */
const OOM_MS = 2_000;
const NAMESPACE_MS = 50_000;
const MOUNT_MS = 20_000;
const REMOVE_MS = 50_000;

const look = { timeoutMs: LOOK_MS, remote: true } as const;
const sample = { timeoutMs: LOOK_MS, background: true, shared: true } as const;

/**
 * Everything that is called on a thread of its own, and why the kernel may hold it up:
 * - namespaces: making and entering one waits for the lock that the end of other network namespaces holds (pernet, rtnl),
 *   and so do loopback and network sysctls;
 * - mounts: the end of a superblock waits for its server (NFS, fuseblk), a mount for what it is made of;
 * - looks at images and volumes: any layer, any volume may be served by a process or a machine that does not answer;
 * - statistics: memory.stat of a v1 tree adds up every cgroup below, statfs asks the server;
 * - processes: there may be as many as guests start, and the arguments of each are in memory of its own.
 */
export const KERNEL_JOBS = {
  mount: job(
    ({ mount, target }: { mount: Mount; target: string }, calls) => {
      mountByCall(given(calls), mount, target);
      return true;
    },
    { what: 'mounting', timeoutMs: MOUNT_MS, remote: true },
  ),
  mountShifted: job(
    (input: { mounts: readonly Mount[]; target: string; usernsPath: string }, calls) =>
      mountShiftedByCall(given(calls), input),
    { what: 'mounting', timeoutMs: MOUNT_MS, remote: true },
  ),
  unmount: job(({ path, lazy }: { path: string; lazy: boolean }, calls) => unmountByCall(given(calls), path, lazy), {
    what: 'unmounting',
    timeoutMs: MOUNT_MS,
    shared: true,
    remote: true,
  }),
  unmountOnce: job(
    ({ path, lazy }: { path: string; lazy: boolean }, calls) => unmountOnceByCall(given(calls), path, lazy),
    { what: 'unmounting', timeoutMs: MOUNT_MS, remote: true },
  ),
  /** Without system calls nothing may be mounted there any more. */
  removeTree: job(
    ({ path, root }: { path: string; root: string }, calls) =>
      removeTreeNow(path, root, (at) => void (calls && unmountByCall(calls, at, true))),
    { what: 'removing', timeoutMs: REMOVE_MS, shared: true, remote: true },
  ),
  pin: job((pins: readonly PinnedAt[], calls) => pinByCall(given(calls), pins), {
    what: 'pinning namespaces at',
    timeoutMs: NAMESPACE_MS,
  }),
  set: job(
    ({ pins, settings }: { pins: readonly PinnedAt[]; settings: readonly Setting[] }, calls) =>
      setByCall(given(calls), pins, settings),
    { what: 'setting', timeoutMs: NAMESPACE_MS },
  ),
  loopbackUp: job((path: string, calls) => loopbackUpByCall(given(calls), path), {
    what: 'setting up the loopback of',
    timeoutMs: NAMESPACE_MS,
  }),
  /** A descriptor that the caller closes. */
  socket: job(({ path, domain }: { path: string; domain: number }, calls) => socketByCall(given(calls), path, domain), {
    what: 'making a socket in',
    timeoutMs: NAMESPACE_MS,
  }),
  /** The text of /proc/net/dev in a pinned network namespace. */
  netDev: job((path: string, calls) => netDevByCall(given(calls), path), {
    ...sample,
    what: 'reading the interfaces of',
  }),
  /** The same as a process sees it. */
  netDevOfPid: job((pid: number) => netDevNow(pid), {
    ...sample,
    what: 'reading the interfaces of process',
  }),
  readCgroup: job(({ name, layout, root }: InCgroup): CgroupReading | undefined => readCgroupNow(name, layout, root), {
    ...sample,
    what: 'reading the cgroup',
  }),
  cgroupProcesses: job(({ name, layout, root }: InCgroup): number[] => cgroupProcessesNow(name, layout, root), {
    ...sample,
    what: 'looking for processes in the cgroup',
  }),
  processCounts: job(
    ({ pids, procRoot }: { pids: readonly number[]; procRoot: string }): ProcessCounts =>
      processCountsNow(pids, procRoot),
    { ...sample, shared: false, what: 'counting what is held by' },
  ),
  /** Not shared: whoever asks wants to know what runs now. */
  processes: job((procRoot: string): ProcessColumns => lookAtProcessesNow(procRoot), {
    timeoutMs: LOOK_MS,
    what: 'looking at all processes in',
  }),
  filesystem: job(
    ({ dir, procRoot }: { dir: string; procRoot: string }): Filesystem | undefined => filesystemNow(dir, procRoot),
    { ...look, what: 'statfs of', shared: true, background: true },
  ),
  lookLocally: job((input: Parameters<typeof lookLocally>[0]): readonly LookedAt[] | undefined => lookLocally(input), {
    ...look,
    what: 'looking at',
  }),
  readLocally: job((input: Parameters<typeof readLocallyNow>[0]): LocalFile => readLocallyNow(input), {
    ...look,
    what: 'reading',
    shared: true,
  }),
  devicesAt: job((path: string): HostDeviceNode[] => devicesAtNow(path), { ...look, what: 'looking for devices at' }),
  devicesBelow: job((dir: string): HostDeviceNode[] => devicesBelowNow(dir), {
    ...look,
    what: 'looking for devices below',
  }),
  /** Holds a descriptor that the caller closes. */
  openInRoot: job(
    ({ root, path }: { root: string; path: string }, calls): HeldPlace | undefined => openPlaceNow(root, path, calls),
    { ...look, what: 'looking inside of' },
  ),
  oomKills: job((file: string): bigint | undefined => oomKillsNow(file), { what: 'reading', timeoutMs: OOM_MS }),
  oomKilledCgroups: job((log: string): readonly string[] => oomKilledCgroupsNow(log), {
    what: 'reading',
    timeoutMs: OOM_MS,
  }),
  readRootfsFile: job(
    (input: { rootfs: string; path: string; maxBytes: number }, calls): Uint8Array | undefined =>
      readRootfsFileNow(input, calls),
    { ...look, what: 'reading inside of' },
  ),
} as const;

export type KernelJobs = typeof KERNEL_JOBS;
export type KernelJobName = keyof KernelJobs;
export type KernelJobInput<Name extends KernelJobName> = Parameters<KernelJobs[Name]['run']>[0];
export type KernelJobOutput<Name extends KernelJobName> = ReturnType<KernelJobs[Name]['run']>;

function job<Input, Output>(
  run: (input: Input, syscalls: Syscalls | undefined) => Output,
  how: Omit<Job<Input, Output>, 'run'>,
): Job<Input, Output> {
  return { run, ...how };
}

function given(syscalls: Syscalls | undefined): Syscalls {
  if (!syscalls) throw new Error('there are no system calls here');
  return syscalls;
}
