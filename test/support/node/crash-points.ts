import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ContainerdVersion, isAtHand } from '../daemon/containerd';
import { type GrpcProxy, startGrpcProxy } from '../daemon/grpc-proxy';
import { mountsBelow } from '../daemon/leftovers';
import { until } from '../daemon/process';
import { type WrappedPlugins, wrapPlugins } from '../daemon/wrapped-plugins';
import { BUSYBOX, PAUSE, startNode, type TestNode } from './node';
import { ensurePulled, serving } from './pods';

/** When crisp is killed in the course of a call: at a moment of its nth call of a method of containerd or of a CNI plugin. */
export interface CrashPoint {
  /** `after Leases/Create`, `before ADD bridge`, … */
  readonly moment: string;
  readonly nth: number;
}

/** The moment when crisp has answered: it is killed before anything else is asked of it. */
const ANSWERED: CrashPoint = { moment: 'answered', nth: 1 };

const QUIET_MS = 500;
/** Starting a node takes a quarter of a minute, and three minutes on a machine that is busy. */
const HOOK_MS = 180_000;
/** Calls that change nothing in containerd but what it holds back from its collector: after them the world is as it was. */
const READS =
  /\/(Get|List|ListResources|ListStream|ListPids|ListContent|Info|Stat|Status|Mounts|Plugins|Server|Version|Wait|Read|Usage|Metrics|Subscribe|Connect|AddResource)$/;
/** Plugins that another plugin runs. */
const DELEGATED = /host-local$/;
/** Calls that take a while, so that being cut off differs from not having been made. */
const LONG = /Tasks\/(Create|Start)$/;

/**
 * The containerd that crisp is killed in front of: the newest that is at hand, for it has the most calls (sandbox records
 * besides all those of 1.6). One of them, as these tests are the longest of all; CRASH_VERSION chooses.
 */
export function crashVersion(): ContainerdVersion {
  const chosen = process.env.CRASH_VERSION;
  if (chosen === '1.6' || chosen === '2') return chosen;
  return isAtHand('2') ? '2' : '1.6';
}

/** A node whose crisp can be killed at chosen moments: it reaches containerd, and runs CNI plugins, through the test. */
export class CrashNode {
  private constructor(
    readonly node: TestNode,
    private readonly proxy: GrpcProxy,
    private readonly plugins: WrappedPlugins,
  ) {}

  static async start(): Promise<CrashNode> {
    let proxy: GrpcProxy | undefined;
    let plugins: WrappedPlugins | undefined;
    const node = await startNode({
      version: crashVersion(),
      // Nothing in the background is to look like a step.
      settings: { stats_collect_period: 3600 },
      inFront: async ({ address }, dir) => {
        proxy = await startGrpcProxy(join(dir, 'front.sock'), address);
        return proxy;
      },
      pluginDir: (dir, binDir) => {
        plugins = wrapPlugins(dir, binDir);
        return plugins.binDir;
      },
    });
    if (!proxy || !plugins) throw new Error('the node was started without its proxy');
    for (const image of [PAUSE, BUSYBOX]) await ensurePulled(node, image);
    return new CrashNode(node, proxy, plugins);
  }

  /**
   * Makes a call that goes well and answers the moments in it that differ in what containerd, this machine or crisp's
   * files hold: to be killed at two that do not would be the same test twice. `all`: every moment.
   */
  async learn(call: () => Promise<unknown>, { all }: { all: boolean }): Promise<CrashPoint[]> {
    const counted = new Map<string, number>();
    const points: CrashPoint[] = [];
    let changes = 0;
    let last: string | undefined;
    this.plugins.moments();
    this.proxy.watch(async (when, path, well) => {
      const moment = `${when} ${shortName(path)}`;
      const nth = (counted.get(moment) ?? 0) + 1;
      counted.set(moment, nth);
      if (when === 'during' && (all || LONG.test(path))) points.push({ moment, nth });
      if (when === 'during') return;
      if (!READS.test(path) && (well || when === 'midway')) changes += 1;
      const world = `${changes}\n${this.localWorld()}`;
      if (all || world !== last) points.push({ moment, nth });
      last = world;
    });
    await call();
    this.proxy.watch(undefined);
    return [...points, ...this.pluginPoints(all), ANSWERED];
  }

  /**
   * Makes a call and kills crisp at that point of it; answers whether the point was reached. Either way crisp is killed,
   * and serves again afterwards.
   */
  async crash(point: CrashPoint, call: () => Promise<unknown>): Promise<boolean> {
    const { crisp } = this.node;
    let reached = false;
    let seen = 0;
    this.plugins.clear();
    this.plugins.moments();
    const [when, command, plugin] = point.moment.split(' ');
    if (plugin !== undefined) {
      this.plugins.arrange(when === 'after' ? 'after' : 'before', `${command} ${plugin}`, {
        do: when === 'during' ? 'kill and go' : 'kill',
        pid: crisp.daemon.pid,
      });
    }
    this.proxy.watch(async (at, path) => {
      if (`${at} ${shortName(path)}` !== point.moment) return;
      seen += 1;
      if (seen !== point.nth) return;
      reached = true;
      await crisp.kill();
    });
    const answered = await call().then(
      () => true,
      () => false,
    );
    this.proxy.watch(undefined);
    this.plugins.clear();
    await this.restart();
    if (point === ANSWERED) return answered;
    return reached || (plugin !== undefined && !answered);
  }

  /** Afterwards crisp remembers nothing but what is written down. */
  async restart(): Promise<void> {
    await this.node.crisp.kill();
    await this.node.crisp.start();
    await serving(this.node);
  }

  /** The same, and what it does by itself at its start is done: nothing of that is to look like a step. */
  async restartQuietly(): Promise<void> {
    let last = Date.now();
    this.proxy.watch(async () => {
      last = Date.now();
    });
    await this.restart();
    await until('crisp is quiet', 10_000, async () => Date.now() - last > QUIET_MS);
  }

  /** Of a sequence of plugins: before the first, after each, and while the first runs, which then goes on by itself. */
  private pluginPoints(all: boolean): CrashPoint[] {
    const moments = this.plugins.moments().filter((moment) => !DELEGATED.test(moment) && !moment.includes(' GC '));
    return moments.flatMap((moment, at) => {
      const [when, command, plugin] = moment.split(' ');
      const first = moments.slice(0, at).every((each) => !each.startsWith(`before ${command} `));
      if (when === 'before' && !first && !all) return [];
      const during = when === 'before' ? [{ moment: `during ${command} ${plugin}`, nth: 1 }] : [];
      return [{ moment, nth: 1 }, ...during];
    });
  }

  /** Everything outside of containerd that a pod's life changes, as text. */
  private localWorld(): string {
    const { node } = this;
    const { crisp, network } = node;
    const folders = [...crisp.recordDirs, crisp.netnsDir, crisp.journalDir, crisp.stdioNotesDir];
    const files = [...folders, join(network.cacheDir, 'results'), network.leaseDir].flatMap((dir) => filesBelow(dir));
    return [...files, ...mountsBelow(node.dir)].join('\n');
  }
}

/** A node to kill crisp on, for all tests of a suite. */
export function useCrashNode(): { readonly now: CrashNode } {
  let crash: CrashNode | undefined;
  beforeAll(async () => {
    crash = await CrashNode.start();
  }, HOOK_MS);
  afterAll(() => crash?.node.stop(), HOOK_MS);
  return {
    get now() {
      if (!crash) throw new Error('its node did not start');
      return crash;
    },
  };
}

function shortName(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** Every file below a folder, with what shows that it was written again; mounted filesystems are not entered. */
function filesBelow(dir: string, device = lstatSync(dir, { throwIfNoEntry: false, bigint: true })?.dev): string[] {
  const names = (() => {
    try {
      return readdirSync(dir);
    } catch {
      return []; // not made yet, or gone meanwhile
    }
  })();
  return names.flatMap((name) => {
    const path = join(dir, name);
    const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    if (!stat) return [];
    if (stat.isDirectory()) return [`${path}/`, ...(stat.dev === device ? filesBelow(path, device) : [])];
    return [`${path} ${stat.ino} ${stat.size} ${stat.mtimeNs}`];
  });
}
