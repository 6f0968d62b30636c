import { stat, unlink } from 'node:fs/promises';
import { errnoOf, errorMessage } from '../base/errors';
import { freshWork } from '../base/fresh-work';
import type { Logger } from '../base/logger';
import { Seats } from '../base/seats';
import { StandingProblems } from '../base/standing-problems';
import { ensureDefaultAppArmorProfile, isAppArmorProfileLoaded } from '../host/apparmor';
import { cgroupProcesses, readCgroup, readCgroupLayout } from '../host/cgroup-files';
import type { CgroupLayout } from '../host/cgroup-layout';
import { devicesAt, type HostDeviceNode, hostDevices } from '../host/devices';
import { entries, makeDir, removeTree } from '../host/dirs';
import { makeFifos } from '../host/fifos';
import { filesystemAt } from '../host/filesystem';
import { copyImageVolume } from '../host/image-volume';
import { resolveInRoot } from '../host/in-root';
import { killShim, leakedShims } from '../host/leaked-shims';
import { isMountPoint, isWithin, mountInfo, propagationsOf } from '../host/mount-info';
import { mountAll, mountTmpfs, unmount } from '../host/mounts';
import { readNetDevInNetns, readNetDevOfPid } from '../host/net-dev';
import { createNetns, isNetns, removeNetns } from '../host/netns';
import { dialInNetns, MOST_TOOLS } from '../host/netns-dial';
import { deleteRuntimeContainer } from '../host/oci-runtime';
import { oomCounter, oomKilledCgroups, oomKills, watchOomCounter } from '../host/oom-kills';
import { pinNamespaces, setInNamespaces, unpinNamespaces } from '../host/pod-namespaces';
import { parentOf, startedAt, untilGone } from '../host/proc';
import { processCounts } from '../host/process-values';
import { resolveHostPaths } from '../host/safe-path';
import { writeSandboxFiles } from '../host/sandbox-files';
import { relabel } from '../host/selinux';
import { mountShifted } from '../host/shifted-mounts';
import {
  deadSockets,
  directoriesOf,
  removeDeadSocket,
  removeShimSockets,
  shimAddress,
  socketsOfTasks,
} from '../host/shim-sockets';
import { killProcesses, shimTree } from '../host/silent-shim';
import { killMakers, killStrays, processTable } from '../host/stray-processes';
import { hostMeans } from '../host/syscalls';
import { readRootfsFile } from '../host/user-lookup';
import { createUserNetns } from '../host/user-netns';
import type { HostFacts } from '../model/host-facts';
import type { Host, HostDevice, NetnsOwner } from './host';

/** After a start, which has other things to do. */
const WARM_UP_MS = 500;
const SHM = { sizeBytes: 64 * 1024 * 1024, mode: 0o1777, options: ['noexec', 'nosuid', 'nodev'], source: 'shm' };

/** What is done to processes by the task that they belong to, and to what shims of tasks listen at. */
const ofTasks: Pick<
  Host,
  | ('parentOf' | 'untilGone')
  | ('processTable' | 'killStrays' | 'killMakers' | 'leakedShims' | 'killShim')
  | ('shimTree' | 'killProcesses')
  | ('shimAddress' | 'socketsOfTasks' | 'deadSockets' | 'removeDeadSocket' | 'removeShimSockets')
> = {
  parentOf: (pid) => parentOf(pid),
  untilGone: (pid, ms) => untilGone(pid, ms),
  processTable: freshWork(() => processTable()),
  killStrays: (id) => killStrays(id),
  killMakers: (id, runtime) => killMakers(id, runtime),
  leakedShims: (namespace) => leakedShims(namespace),
  killShim: (shim) => killShim(shim),
  shimTree: (id, sought) => shimTree(id, sought),
  killProcesses: (processes) => killProcesses(processes),
  shimAddress: (pid) => shimAddress(pid),
  socketsOfTasks,
  deadSockets: (others) => deadSockets(directoriesOf(others)),
  removeDeadSocket,
  removeShimSockets: (names) => removeShimSockets(names),
};

/**
 * The machine we run on. `facts` tells what is known of it now: the daemon that runs containers may be another one later.
 * `roots` are the directories that are ours: nothing outside of them is ever removed. What the kernel holds up is logged.
 */
export async function thisHost(facts: () => HostFacts, roots: readonly string[], log: Logger): Promise<Host> {
  const layout = await readCgroupLayout();
  startThreads(log);
  const tools = new Seats(MOST_TOOLS);
  return {
    get facts() {
      return facts();
    },
    createNetns: createNetnsOf,
    removeNetns: async (path) => void (await removeNetns(path)),
    isNetns,
    pinNamespaces: (pins) => pinNamespaces(pins),
    unpinNamespaces: (dir, pins) => unpinNamespaces(dir, pins),
    setInNamespaces: (pins, settings) => setInNamespaces(pins, settings),
    isDirectory,
    writeSandboxFiles: ({ dir, ...files }) => writeSandboxFiles(dir, files),
    mountShm: async (path) => {
      await makeDir(path, 0o700);
      await mountTmpfs(path, SHM);
    },
    makeDir,
    entries,
    startedAt,
    ...ofTasks,
    removeTree: (dir) => removeTree(dir, rootOf(dir, roots)),
    removeFile,
    unmount: async (path) => void (await unmount(path, { lazy: true })),
    mountAll,
    mountShifted,
    isMountPoint,
    makeFifos,
    resolvePaths: resolveHostPaths,
    devicesAt: async (path) => (await devicesAt(path)).map(toDevice),
    allDevices: async () => (await hostDevices()).map(toDevice),
    readInRootfs: readRootfsFile,
    resolveInRoot: (root, path) => resolveInRoot(root, path),
    copyImageVolume: async (rootfs, path, target, signal) =>
      void (await copyImageVolume({ rootfs, path }, target, { signal })),
    propagationsOf,
    deleteRuntimeContainer,
    netDevOfPid: readNetDevOfPid,
    netDevOfNetns: readNetDevInNetns,
    cgroupMountOptions,
    ensureDefaultApparmor: () => ensureDefaultAppArmorProfile(),
    isApparmorLoaded: (name) => isAppArmorProfileLoaded(name),
    readCgroup: (path) => readCgroup(path, layout),
    cgroupProcesses: (path) => cgroupProcesses(path, layout),
    ...ofOomKills(layout, log),
    processCounts: (pids) => processCounts(pids),
    filesystemAt: (dir) => filesystemAt(dir),
    relabel: (path, label, signal) => relabel(path, label, { recursive: true, signal }),
    dialInNetns: (path, host, port, signal) => dialInNetns({ path, host, port }, { signal, tools }),
  };
}

/** What the kernel tells of the processes that it kills for memory. */
function ofOomKills(layout: CgroupLayout, log: Logger): Pick<Host, 'watchOomKills' | 'oomKills' | 'oomKilledCgroups'> {
  const problems = new StandingProblems((_where, error) => log.warn('kills for memory cannot be watched', { error }));
  return {
    watchOomKills: async (cgroup) => {
      const file = layout.version === 2 ? oomCounter(cgroup, layout) : undefined;
      try {
        return file === undefined ? undefined : watchOomCounter(file);
      } catch (error) {
        const errno = errnoOf(error) ?? ''; // ENOSPC: fs.inotify.max_user_watches
        if (errno !== 'ENOENT') problems.met(errno, errorMessage(error));
        return undefined;
      }
    },
    oomKills: (cgroup) => oomKills(cgroup, layout),
    oomKilledCgroups: freshWork(() => oomKilledCgroups()),
  };
}

function createNetnsOf(path: string, owner: NetnsOwner | undefined): Promise<void> {
  if (!owner) return createNetns(path);
  return createUserNetns({ path, userPath: owner.usernsPath, uids: owner.uids, gids: owner.gids });
}

/** The first pod is to find a thread that runs; a start is not to wait for it. */
function startThreads(log: Logger): void {
  const { threads } = hostMeans();
  if (threads) {
    threads.reportTo(log);
    setTimeout(() => threads.warmUp(), WARM_UP_MS).unref();
  } else {
    log.warn('dist/crisp-host.js is missing: a call that the kernel holds up holds up every RPC');
  }
}

function rootOf(dir: string, roots: readonly string[]): string {
  const root = roots.find((candidate) => isWithin(dir, candidate));
  if (root === undefined) throw new Error(`refusing to remove "${dir}": it lies in none of our directories`);
  return root;
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  });
  return found?.isDirectory() ?? false;
}

async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
}

async function cgroupMountOptions(): Promise<string[]> {
  const mount = (await mountInfo()).find(({ type }) => type === 'cgroup2');
  return mount ? [...mount.superOptions] : [];
}

function toDevice(node: HostDeviceNode): HostDevice {
  const { mode, ...rest } = node;
  return { ...rest, fileMode: mode };
}
