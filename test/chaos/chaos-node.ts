import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContainerdVersion } from '../support/daemon/containerd';
import { type FaultProxy, type Planner, startFaultProxy } from '../support/daemon/fault-proxy';
import { deadShimSockets, type Leftovers, mountsBelow, shimPids } from '../support/daemon/leftovers';
import { endProcessesOfPods, runtimeStates } from '../support/daemon/pod-processes';
import { until } from '../support/daemon/process';
import { type WrappedPlugins, wrapPlugins } from '../support/daemon/wrapped-plugins';
import { type Infra, infraSettings } from '../support/infra';
import { BUSYBOX, PAUSE, startNode, type TestNode } from '../support/node/node';
import { ensurePulled, serving } from '../support/node/pods';
import { FakeServiceManager } from '../support/service-manager';
import { Absences } from './absences';
import { Watched } from './watched';

/** What may be left on a node, sockets that shims have left among it: while chaos runs, the shims of the machine are its own. */
export type Traces = Leftovers & { readonly shimSockets: string[] };

const SMALL_DISK = '24m';
const FILL_BYTES = 1 << 20;
const SHIMS_END_MS = 10_000;
/** A start under a fault waits for the end of that, and tries again with growing pauses. */
const START_MS = 60_000;
const STDIO_FILE_MS = 5000;

/** A node with everything that is to go wrong within reach: plugins, the disk of records, the processes, the machine. */
export class ChaosNode {
  /** How often the machine has been restarted. */
  boots = 0;
  /** When containerd was not there while its shims were. */
  readonly containerdAway = new Absences();
  /** What runs and must go on running. */
  readonly watched: Watched;

  private constructor(
    readonly node: TestNode,
    readonly infra: Infra,
    private readonly plugins: WrappedPlugins,
    private readonly manager: FakeServiceManager,
    private readonly proxy: FaultProxy,
  ) {
    const { netnsDir, recordDirs } = node.crisp;
    const netnsFiles = (): string[] => readdirSync(netnsDir).map((name) => join(netnsDir, name));
    this.watched = new Watched({ state: node.containerd.state, recordDirs, netnsFiles });
  }

  static async start(version: ContainerdVersion, infra: Infra): Promise<ChaosNode> {
    let plugins: WrappedPlugins | undefined;
    let manager: FakeServiceManager | undefined;
    let proxy: FaultProxy | undefined;
    const node = await startNode({
      version,
      settings: (dir) => ({
        root: join(dir, 'small/root'),
        cri_root: join(dir, 'small/cri-root'),
        state: join(dir, 'run/crisp'),
        cri_state: join(dir, 'run/cri'),
        ...infraSettings(infra),
      }),
      pluginDir: (dir, binDir) => {
        plugins = wrapPlugins(dir, binDir);
        return plugins.binDir;
      },
      manager: (dir) => {
        mountSmallDisks(dir);
        manager = new FakeServiceManager(join(dir, 'notify.sock'));
        return manager;
      },
      inFront: async ({ address }, dir) => {
        proxy = await startFaultProxy(join(dir, 'front.sock'), address);
        return proxy;
      },
    });
    if (!plugins || !manager || !proxy) throw new Error('the node was started without its parts');
    for (const image of [PAUSE, BUSYBOX]) await ensurePulled(node, image);
    const chaos = new ChaosNode(node, infra, plugins, manager, proxy);
    mkdirSync(chaos.endsDir);
    return chaos;
  }

  /** What is there because of pods. */
  traces(): Traces {
    return { ...this.node.traces(), shimSockets: deadShimSockets() };
  }

  async stop(): Promise<void> {
    await this.node.stop();
    this.manager.close();
  }

  /** Ends crisp, its stdio process, or both, as a crash would; crisp is started again, as its service manager does. */
  async kill(what: 'crisp' | 'stdio' | 'both'): Promise<void> {
    const { crisp } = this.node;
    if (what !== 'crisp') await crisp.endStdio('SIGKILL');
    if (what === 'stdio') return;
    await crisp.kill();
    await this.startCrisp();
  }

  /** Every call of crisp to containerd is shown to `planner` from now on; undefined: all are passed on. */
  planCalls(planner: Planner | undefined): void {
    this.proxy.plan(planner);
  }

  /**
   * Kills crisp and starts it again while something is wrong: for as long as `lasts` takes, then `lift` ends it. Resolves
   * when crisp serves.
   */
  async startUnder(lasts: () => Promise<void>, lift: () => Promise<void> | void): Promise<void> {
    const { crisp } = this.node;
    let started: Promise<void> | undefined;
    try {
      await crisp.kill();
      this.manager.listen();
      started = crisp.start(undefined, START_MS);
      started.catch(() => undefined); // it is waited for below
      await lasts();
    } finally {
      await lift();
    }
    await started;
    await serving(this.node, START_MS);
  }

  /** Puts a directory where crisp-stdio needs its socket or its lock, and kills it: none can be started until `lift`. */
  async keepStdioFromStarting(file: 'sock' | 'lock'): Promise<{ lift: () => void }> {
    const path = join(dirname(this.node.crisp.stdioNotesDir), file);
    // One that is just being started may make the file again.
    await until(`a directory is at ${path}`, STDIO_FILE_MS, async () => putDirectory(path));
    await this.node.crisp.endStdio('SIGKILL');
    return { lift: () => rmdirSync(path) };
  }

  async restartContainerd(): Promise<void> {
    await this.containerdAway.during(() => this.node.containerd.restart());
  }

  /** The disk of records. */
  get smallDisk(): string {
    return join(this.node.dir, 'small');
  }

  /** Where containers write when they end, by the machine's uptime; a file for each name. */
  get endsDir(): string {
    return join(this.node.dir, 'ends');
  }

  /** The next call of that plugin fails, or takes so long. */
  pluginFails(moment: 'before' | 'after', call: string): void {
    this.plugins.arrange(moment, call, { do: 'fail' });
  }

  pluginHangs(call: string, seconds: number): void {
    this.plugins.arrange('before', call, { do: 'hang', seconds });
  }

  /** Leaves no byte free on the disks of records and of state until `act` has ended. */
  async withFullDisk(act: () => Promise<void>): Promise<void> {
    const files = ['small', 'run'].map((name) => join(this.node.dir, name, 'filler'));
    try {
      for (const file of files) fill(file);
      await act();
    } finally {
      for (const file of files) rmSync(file, { force: true });
    }
  }

  /** As a power cut and a boot: no process lives on, run directories are gone, what is on disks is there. */
  reboot(): Promise<void> {
    return this.watched.without(() => this.powerCut());
  }

  private async powerCut(): Promise<void> {
    const { crisp, containerd, network, dir } = this.node;
    this.plugins.clear();
    await crisp.kill();
    await crisp.endStdio('SIGKILL');
    await containerd.stop();
    // Again and again: a shim that is just starting is another process a moment later.
    await until('no shim is left', SHIMS_END_MS, async () => {
      const shims = shimPids(containerd.address);
      for (const pid of [...childrenOf(shims), ...shims]) endProcess(pid);
      return shims.length === 0;
    });
    endProcessesOfPods(dir); // among them what a runtime was just making, the child of no shim
    for (const path of runtimeStates(dir)) rmSync(path, { recursive: true, force: true });
    for (const name of this.manager.names()) this.manager.forget(name);
    for (const point of mountsBelow(dir)) {
      if (point !== join(dir, 'small')) execFileSync('umount', ['--lazy', point], { stdio: 'ignore' });
    }
    rmSync(containerd.state, { recursive: true, force: true });
    network.remove();
    mountDisk(join(dir, 'run'));
    this.boots += 1;
    await containerd.restart();
    await this.startCrisp();
  }

  /** Nothing is wrong any more that does not come of what was done. */
  async heal(): Promise<void> {
    this.plugins.clear();
    this.planCalls(undefined);
    await serving(this.node);
  }

  private async startCrisp(): Promise<void> {
    this.manager.listen();
    await this.node.crisp.start();
    await serving(this.node);
  }
}

function mountSmallDisks(dir: string): void {
  for (const name of ['small', 'run']) mountDisk(join(dir, name));
}

function mountDisk(path: string): void {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_DISK},mode=711`, 'crisp-chaos', path]);
}

/** Whether there is a directory now. */
function putDirectory(path: string): boolean {
  try {
    rmSync(path, { force: true });
    mkdirSync(path);
    return true;
  } catch {
    return false;
  }
}

function fill(file: string): void {
  const chunk = Buffer.alloc(FILL_BYTES);
  for (let size = chunk.length; size > 0; ) {
    try {
      writeFileSync(file, chunk.subarray(0, size), { flag: 'a' });
    } catch {
      size >>= 1; // down to the last byte
    }
  }
}

function childrenOf(parents: readonly number[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parents.includes(parentOf(name)))
    .map(Number);
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0; // it has ended
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
