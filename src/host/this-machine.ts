import { stat, unlink } from 'node:fs/promises';
import { errnoOf, errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { Seats } from '../base/seats';
import { StandingProblems } from '../base/standing-problems';
import { freshWork } from '../base/work/fresh-work';
import type { HostFacts } from '../model/host-facts';
import { cgroupProcesses, readCgroup, readCgroupLayout } from './cgroup/cgroup-files';
import type { CgroupLayout } from './cgroup/cgroup-layout';
import { oomCounter, oomKilledCgroups, oomKills, watchOomCounter } from './cgroup/oom-kills';
import { devicesAt, type HostDeviceNode, hostDevices } from './files/devices';
import { makeFifos } from './files/fifos';
import { readRootfsFile } from './files/user-lookup';
import type { Host, HostDevice, NetnsOwner } from './machine';
import { entries, makeDir, removeTree } from './mount/dirs';
import { filesystemAt } from './mount/filesystem';
import { copyImageVolume } from './mount/image-volume';
import { resolveInRoot } from './mount/in-root';
import { isMountPoint, isWithin, mountInfo, propagationsOf } from './mount/mount-info';
import { mountAll, mountTmpfs, unmount } from './mount/mounts';
import { resolveHostPaths } from './mount/safe-path';
import { mountShifted } from './mount/shifted-mounts';
import { readNetDevInNetns, readNetDevOfPid } from './namespace/net-dev';
import { createNetns, isNetns, removeNetns } from './namespace/netns';
import { dialInNetns, MOST_TOOLS } from './namespace/netns-dial';
import { pinNamespaces, setInNamespaces, unpinNamespaces } from './namespace/pod-namespaces';
import { writeSandboxFiles } from './namespace/sandbox-files';
import { createUserNetns } from './namespace/user-netns';
import { killShim, leakedShims } from './process/leaked-shims';
import { deleteRuntimeContainer } from './process/oci-runtime';
import { parentOf, startedAt, untilGone } from './process/proc';
import { processCounts } from './process/process-values';
import {
  deadSockets,
  directoriesOf,
  removeDeadSocket,
  removeShimSockets,
  shimAddress,
  socketsOfTasks,
} from './process/shim-sockets';
import { killProcesses, shimTree } from './process/silent-shim';
import { killMakers, killStrays, processTable } from './process/stray-processes';
import { ensureDefaultAppArmorProfile, isAppArmorProfileLoaded } from './security/apparmor';
import { relabel } from './security/selinux';
import { hostMeans } from './syscall/syscalls';

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
