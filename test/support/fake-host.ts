import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFifos } from '../../src/host/files/fifos';
import type { Host, HostDevice, HostPath, NetnsOwner, SandboxFiles } from '../../src/host/machine';
import type { NamespaceSettings } from '../../src/host/namespace/pod-namespaces';
import type { LeakedShim } from '../../src/host/process/leaked-shims';
import type { RuntimeContainer } from '../../src/host/process/oci-runtime';
import type { DeadSocket } from '../../src/host/process/shim-sockets';
import type { ProcessTable } from '../../src/host/process/stray-processes';
import type { CgroupReading, CgroupValues } from '../../src/model/cgroup-values';
import type { OomWatch } from '../../src/model/container';
import type { HostFacts } from '../../src/model/host-facts';
import type { NetDev } from '../../src/model/net-dev';
import type { PodPins } from '../../src/model/pod-pins';
import { HOST_FACTS } from './fake-host-facts';
import { FakeOomKills } from './fake-oom-kills';

/**
 * A machine for the stories: directories and FIFOs are real, below the test's own directory; namespaces, mounts and devices
 * are entries of a record.
 */
export class FakeHost implements Host {
  private static readonly strayPid = 4242;
  facts: HostFacts = HOST_FACTS;
  readonly netns = new Set<string>();
  readonly mounts = new Set<string>();
  /** Mounts with shifted ids, and the user namespace they were shifted for. */
  readonly shifted = new Map<string, string>();
  /** What lies at a host path; without an entry, a directory. */
  readonly hostPaths = new Map<string, HostPath>();
  readonly devices = new Map<string, HostDevice[]>();
  /** Files in every root filesystem, by their path in it. */
  readonly rootfsFiles = new Map<string, Buffer>();
  /** What a path in a root filesystem is; without an entry, a directory. */
  readonly rootfsKinds = new Map<string, 'directory' | 'file' | 'other' | 'missing'>();
  /** What was relabelled, and how. */
  readonly selinuxLabels = new Map<string, string>();
  readonly apparmorProfiles = new Set<string>();
  readonly cgroups = new Map<string, CgroupValues>();
  /** Pids in a cgroup. */
  readonly cgroupPids = new Map<string, number[]>();
  readonly netDevs: NetDev[] = [];
  /** What was set in namespaces, by where they are pinned. */
  readonly settings = new Map<string, NamespaceSettings>();
  /** What the OCI runtime was told to forget. */
  readonly deletedFromRuntime: RuntimeContainer[] = [];

  async deleteRuntimeContainer(container: RuntimeContainer): Promise<void> {
    this.deletedFromRuntime.push(container);
  }

  async createNetns(path: string, owner?: NetnsOwner): Promise<void> {
    if (this.netns.has(path)) throw new Error(`"${path}" is there already`);
    this.netns.add(path);
    if (owner) this.mounts.add(owner.usernsPath);
  }

  async removeNetns(path: string): Promise<void> {
    this.netns.delete(path);
  }

  async isNetns(path: string): Promise<boolean> {
    return this.netns.has(path) || this.mounts.has(path);
  }

  async pinNamespaces({ network, ...others }: PodPins): Promise<void> {
    for (const path of [network, ...Object.values(others)]) {
      if (path !== undefined && (await this.isNetns(path))) throw new Error(`"${path}" is there already`);
    }
    if (network !== undefined) this.netns.add(network);
    for (const path of Object.values(others)) this.mounts.add(path);
  }

  async unpinNamespaces(dir: string, pins: PodPins): Promise<void> {
    for (const path of Object.values(pins)) {
      this.mounts.delete(path);
      this.netns.delete(path);
      this.settings.delete(path);
    }
    await rm(dir, { recursive: true, force: true });
  }

  async setInNamespaces(pins: PodPins, settings: NamespaceSettings): Promise<void> {
    for (const path of Object.values(pins)) {
      if (!(await this.isNetns(path))) throw new Error(`nothing is pinned at "${path}"`);
      this.settings.set(path, settings);
    }
  }

  async isDirectory(path: string): Promise<boolean> {
    const found = await stat(path).catch(() => undefined);
    return found?.isDirectory() ?? false;
  }

  async writeSandboxFiles({ dir, hostname }: SandboxFiles): Promise<void> {
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'hostname'), `${hostname}\n`);
    await writeFile(join(dir, 'hosts'), '127.0.0.1 localhost\n');
    await writeFile(join(dir, 'resolv.conf'), '');
  }

  async mountShm(path: string): Promise<void> {
    await this.makeDir(path);
    this.mounts.add(path);
  }

  async makeDir(path: string): Promise<void> {
    await mkdir(path, { recursive: true });
  }

  async entries(dir: string): Promise<string[]> {
    return readdir(dir).catch(() => []);
  }

  /** Ids of tasks whose processes live on without a shim. */
  readonly strays = new Set<string>();
  async killStrays(id: string): Promise<number[]> {
    return this.strays.delete(id) ? [FakeHost.strayPid] : [];
  }

  /** Ids of tasks whose shim runs; a task with processes but not among these has lost its shim. */
  readonly shims = new Set<string>();
  async processTable(): Promise<ProcessTable> {
    return {
      of: (id, shimIds = []) => {
        const pids = this.running(id);
        const shim = pids.length > 0 || [id, ...shimIds].some((each) => this.shims.has(each));
        return { pids: this.strays.has(id) ? [FakeHost.strayPid, ...pids] : pids, shim };
      },
    };
  }

  /** Pids of the processes of a task on this machine; a test with a daemon in memory gives that daemon's. */
  running: (id: string) => number[] = () => [];

  /** Ids of tasks at which something still works. */
  readonly makers = new Set<string>();
  async killMakers(id: string): Promise<number[]> {
    return this.makers.delete(id) ? [FakeHost.strayPid] : [];
  }

  /** Shims have no processes here. */
  readonly shimTree = async (): Promise<undefined> => undefined;
  readonly killProcesses = async (): Promise<number[]> => [];
  /** Shims that containerd has let go of. */
  readonly leaked: LeakedShim[] = [];
  async leakedShims(): Promise<LeakedShim[]> {
    return [...this.leaked];
  }
  async killShim({ pid }: LeakedShim): Promise<void> {
    const at = this.leaked.findIndex((shim) => shim.pid === pid);
    if (at >= 0) this.leaked.splice(at, 1);
  }

  /** Sockets at which no shim listens, and what removals by name were told. */
  readonly dead: DeadSocket[] = [];
  readonly removedSockets: string[] = [];
  /** What directories of tasks name. */
  readonly taskSockets: string[] = [];
  async deadSockets(): Promise<DeadSocket[]> {
    return [...this.dead];
  }
  async removeDeadSocket({ path, ino }: DeadSocket): Promise<boolean> {
    const at = this.dead.findIndex((socket) => socket.path === path && socket.ino === ino);
    return at >= 0 && this.dead.splice(at, 1).length > 0;
  }
  /** At how many sockets of a pod that is removed its shim still listens. */
  servedSockets = 0;
  async socketsOfTasks(): Promise<string[]> {
    return [...this.taskSockets];
  }
  async shimAddress(): Promise<string | undefined> {
    return undefined;
  }
  async removeShimSockets(names: readonly string[]): Promise<number> {
    this.removedSockets.push(...names);
    return this.servedSockets;
  }

  async startedAt(): Promise<bigint | undefined> {
    return 1_700_000_000_000_000_000n;
  }

  async parentOf(): Promise<number | undefined> {
    return undefined;
  }

  async untilGone(): Promise<void> {}

  async removeTree(dir: string): Promise<void> {
    for (const mount of [...this.mounts]) if (`${mount}/`.startsWith(`${dir}/`)) this.mounts.delete(mount);
    await rm(dir, { recursive: true, force: true });
  }

  async removeFile(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  async unmount(path: string): Promise<void> {
    this.mounts.delete(path);
  }

  async mountAll(_mounts: unknown, target: string): Promise<void> {
    this.mounts.add(target);
  }

  async mountShifted(_mounts: unknown, target: string, usernsPath: string): Promise<void> {
    this.mounts.add(target);
    this.shifted.set(target, usernsPath);
  }

  async isMountPoint(path: string): Promise<boolean> {
    return this.mounts.has(path);
  }

  async makeFifos(paths: string[]): Promise<void> {
    for (const path of paths) await mkdir(dirname(path), { recursive: true });
    await makeFifos(paths);
  }

  async resolvePaths(paths: { path: string }[]): Promise<HostPath[]> {
    return paths.map(({ path }) => this.hostPaths.get(path) ?? { path, kind: 'directory' });
  }

  async devicesAt(path: string): Promise<HostDevice[]> {
    return this.devices.get(path) ?? [];
  }

  async allDevices(): Promise<HostDevice[]> {
    return [...this.devices.values()].flat();
  }

  async readInRootfs(_rootfs: string, path: string): Promise<Buffer | undefined> {
    return this.rootfsFiles.get(path);
  }

  async resolveInRoot(root: string, path: string): ReturnType<Host['resolveInRoot']> {
    const kind = this.rootfsKinds.get(path) ?? 'directory';
    return kind === 'missing' ? undefined : { path: join(root, path), kind };
  }

  async copyImageVolume(_rootfs: string, path: string, target: string): Promise<void> {
    await writeFile(join(target, 'copied-from'), path);
  }

  async propagationsOf(paths: readonly string[]): ReturnType<Host['propagationsOf']> {
    return paths.map(() => ({ shared: true, slave: false }));
  }

  async netDevOfPid(): Promise<NetDev[]> {
    return this.netDevs;
  }

  async netDevOfNetns(): Promise<NetDev[]> {
    return this.netDevs;
  }

  async cgroupMountOptions(): Promise<string[]> {
    return ['rw', 'nsdelegate'];
  }

  async ensureDefaultApparmor(): Promise<void> {
    this.apparmorProfiles.add('cri-containerd.apparmor.d');
  }

  async isApparmorLoaded(name: string): Promise<boolean> {
    return this.apparmorProfiles.has(name);
  }

  async readCgroup(path: string): Promise<CgroupReading | undefined> {
    const values = this.cgroups.get(path);
    return values && { readAt: process.hrtime.bigint(), values };
  }

  async cgroupProcesses(path: string): Promise<number[]> {
    return this.cgroupPids.get(path) ?? [];
  }

  readonly oom = new FakeOomKills();
  watchOomKills = async (cgroup: string): Promise<OomWatch | undefined> => this.oom.watch(cgroup);
  oomKills = async (cgroup: string): Promise<bigint | undefined> => this.oom.count(cgroup);
  oomKilledCgroups = async (): Promise<readonly string[]> => this.oom.cgroups();

  async processCounts(): ReturnType<Host['processCounts']> {
    throw new Error('a fake host has no processes');
  }

  async filesystemAt(): ReturnType<Host['filesystemAt']> {
    return undefined;
  }

  async relabel(path: string, label: string): Promise<void> {
    this.selinuxLabels.set(path, label);
  }

  async dialInNetns(): ReturnType<Host['dialInNetns']> {
    throw new Error('a fake host has no network');
  }
}
