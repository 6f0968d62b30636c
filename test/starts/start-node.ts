import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { ContainerdVersion } from '../support/daemon/containerd';
import type { Message } from '../support/daemon/daemon-methods';
import { type FaultProxy, type Planner, type ProxiedCall, startFaultProxy } from '../support/daemon/fault-proxy';
import { leftBehind } from '../support/daemon/leftovers';
import { checkout } from '../support/daemon/places';
import { type Daemon, startDaemon, until } from '../support/daemon/process';
import { infraSettings } from '../support/infra';
import { BUSYBOX, PAUSE, startNode, type TestNode } from '../support/node/node';
import { ensurePulled, removePods } from '../support/node/pods';
import { itemsIn } from './calls';
import type { FileSpec, Gallery } from './fault';
import { filesReadBy, WrongFile } from './files';
import { makeStartPods, type StartPod } from './start-pods';
import { ask, type Ids, type Told } from './truth';
import { type World, withRoles, worldOf } from './world';

const QUIET_MS = 700;
const CALM_MS = 30_000;
/** After this crisp has come back to a containerd that was restarted. */
const RECONNECTS_MS = 4000;
/** Calls whose answers have what wrong answers can be made of. */
const READS = /\/(Get|List|ListStream)$/;

/** A node with pods that run, whose crisp is killed and started again and again in front of a proxy. */
export class StartNode {
  /** What CRI tells when all is well. */
  truth!: Told;
  /** What is on the machine when all is well. */
  world!: World;
  /** Calls of a start in which nothing goes wrong. */
  clean: readonly ProxiedCall[] = [];
  /** Calls after containerd was restarted under a crisp that goes on. */
  cleanRestart: readonly ProxiedCall[] = [];
  /** Files that a start reads, by their names below the node's folder, with roles for ids. */
  files: ReadonlyMap<string, string> = new Map();
  readonly gallery: Gallery = new Map();
  private crisp: Daemon | undefined;
  private ended = false;
  private calls: ProxiedCall[] = [];
  private lastCall = 0;

  private constructor(
    readonly node: TestNode,
    readonly pods: readonly StartPod[],
    private readonly proxy: FaultProxy,
  ) {}

  static async start(version: ContainerdVersion): Promise<StartNode> {
    let proxy: FaultProxy | undefined;
    const node = await startNode({
      version,
      // Nothing in the background is to look like a part of the start.
      settings: { stats_collect_period: 3600, ...infraSettings('auto') },
      inFront: async ({ address }, dir) => {
        proxy = await startFaultProxy(join(dir, 'front.sock'), address);
        return proxy;
      },
    });
    try {
      if (!proxy) throw new Error('the node was started without its proxy');
      for (const image of [PAUSE, BUSYBOX]) await ensurePulled(node, image);
      return await StartNode.over(node, proxy, await makeStartPods(node));
    } catch (error) {
      await node.stop().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Over a node that runs these pods behind this proxy. Afterwards the node's crisp is one that this has started; call
   * `giveBack` before the node is stopped.
   */
  static async over(node: TestNode, proxy: FaultProxy, pods: readonly StartPod[]): Promise<StartNode> {
    const made = new StartNode(node, pods, proxy);
    await node.crisp.kill();
    await made.learn();
    return made;
  }

  get ids(): Ids {
    const pods = this.pods.map(({ pod }) => pod.id);
    return { pods, containers: this.pods.flatMap(({ containers }) => containers.map(({ id }) => id)) };
  }

  /** Undefined while crisp runs. */
  get endedBy(): string | undefined {
    return this.ended ? 'crisp has ended' : undefined;
  }

  /** Calls since `begin`. */
  get seen(): readonly ProxiedCall[] {
    return this.calls;
  }

  readonly role = (text: string): string => withRoles(text, this.pods);

  /** Kills crisp and starts it again; every call is shown to `planner`. Does not wait until it serves. */
  async begin(planner?: Planner): Promise<void> {
    await this.kill();
    this.watch(planner);
    this.ended = false;
    const { configFile } = this.node.crisp;
    const argv = [process.execPath, join(checkout(), 'bin/crisp'), 'serve', '--config', configFile];
    const crisp = await startDaemon({ name: 'crisp', argv, dir: this.node.dir, ready: async () => true });
    this.crisp = crisp;
    void crisp.ended.then(() => {
      if (this.crisp === crisp) this.ended = true;
    });
  }

  /** Kills containerd and starts it again under a crisp that goes on; what crisp calls from then on is shown to `planner`. */
  async restartContainerd(planner?: Planner): Promise<void> {
    const { containerd } = this.node;
    if (!this.crisp || this.ended) {
      await this.begin();
      await this.calm();
    }
    await containerd.daemon.kill();
    this.watch(planner);
    await containerd.restart();
  }

  /** Calls are shown to `planner` from now on, and counted from none. */
  watch(planner?: Planner): void {
    this.calls = [];
    this.proxy.plan((call) => {
      this.calls.push(call);
      this.lastCall = Date.now();
      return planner?.(call);
    });
  }

  /** Ends crisp and makes one of the files that a start reads wrong; undefined when there is none of that name. */
  async spoil({ path, fault }: FileSpec): Promise<WrongFile | undefined> {
    const real = this.files.get(path);
    if (real === undefined || !existsSync(real)) return undefined;
    await this.kill();
    return new WrongFile(real, fault, join(this.node.dir, 'kept'));
  }

  async kill(): Promise<void> {
    const crisp = this.crisp;
    this.crisp = undefined;
    await crisp?.kill();
  }

  ask(): Promise<Told> {
    return ask(this.node.crisp.socket, this.ids);
  }

  lookAtWorld(): World {
    return worldOf(this.node, this.pods);
  }

  /** What crisp has logged since `from` that is not mere information. */
  logSince(from: number): string[] {
    const text = readFileSync(join(this.node.dir, 'crisp.log')).subarray(from).toString('utf8');
    return text.split('\n').filter((line) => line !== '' && !/"level":"info"/.test(line));
  }

  get logEnd(): number {
    return statSync(join(this.node.dir, 'crisp.log'), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Removes every pod and ends everything; answers what was left, `0` when nothing. */
  async stop(): Promise<string> {
    try {
      await this.giveBack();
      await removePods(this.node);
      return await leftBehind(this.node);
    } finally {
      await this.node.stop();
    }
  }

  /** Afterwards nothing goes wrong any more, and the node runs its own crisp again. */
  async giveBack(): Promise<void> {
    this.proxy.plan(undefined);
    await this.kill();
    await this.node.crisp.start();
  }

  /** Two starts without a fault: the first tidies up, the second is what all others are compared with. */
  private async learn(): Promise<void> {
    await this.begin();
    await this.calm();
    const never = new Promise(() => undefined);
    await this.begin((call) => {
      if (!READS.test(call.method)) return undefined;
      return { kind: 'rewrite', until: never, change: (answers) => this.keep(call, answers) };
    });
    await this.calm();
    this.clean = this.calls;
    const read = await filesReadBy(this.node, async () => {
      await this.begin();
      await this.calm();
    });
    this.files = new Map(read.map((path) => [this.nameOf(path), path]));
    await this.restartContainerd();
    await this.calm(RECONNECTS_MS);
    this.cleanRestart = this.calls;
    this.truth = await this.ask();
    this.world = this.lookAtWorld();
  }

  private nameOf(path: string): string {
    return this.role(path.slice(this.node.dir.length + 1)).replaceAll(this.node.network.name, 'network');
  }

  private keep({ method }: ProxiedCall, answers: Message[]): Message[] {
    const [service = ''] = method.split('/');
    const values = itemsIn(answers).map(({ value }) => value);
    this.gallery.set(service, [...(this.gallery.get(service) ?? []), ...values]);
    return answers;
  }

  /** Everything is answered, and nothing more is asked of containerd. */
  private async calm(leastMs = 0): Promise<void> {
    await pause(leastMs);
    await until('crisp serves', CALM_MS, async () => {
      const { pods } = await this.ask();
      return !(pods instanceof Error);
    });
    while (Date.now() - this.lastCall < QUIET_MS) await pause(100);
  }
}
