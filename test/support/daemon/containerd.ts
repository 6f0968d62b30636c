import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { stringify } from 'smol-toml';
import { type PluginOptions, pluginSettings } from './containerd-plugin';
import { answers, type Daemon, startDaemon } from './process';
import { type ContainerdVersion, isFirst, toolsOf } from './releases';
import { areAtHand, buildTools, folderOf } from './tools';

export type { ContainerdVersion } from './releases';

/** Where the programs of one containerd and its neighbours lie. */
export interface ContainerdPrograms {
  readonly version: ContainerdVersion;
  readonly containerd: string;
  readonly ctr: string;
  readonly runc: string;
  readonly cniBinDir: string;
  /** PATH for the daemon: it looks for its shim there, and the shim for runc. */
  readonly path: string;
}

/** Finds the programs, building those that are not the distribution's when the cache has none. */
export function containerdPrograms(version: ContainerdVersion): ContainerdPrograms {
  const system = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  if (version === '1.6') {
    const folder = folderOf('containerd');
    return {
      version,
      containerd: join(folder, 'containerd'),
      ctr: join(folder, 'ctr'),
      runc: join(folderOf('runc'), 'runc'),
      cniBinDir: ['/usr/lib/cni', '/opt/cni/bin'].find((path) => existsSync(join(path, 'bridge'))) ?? '/opt/cni/bin',
      path: system.join(delimiter),
    };
  }
  const { daemon, others } = toolsOf(version);
  const built = buildTools([daemon, ...others]);
  const folder = built[daemon];
  return {
    version,
    containerd: join(folder, 'containerd'),
    ctr: join(folder, 'ctr'),
    runc: join(built.runc, 'runc'),
    cniBinDir: built['cni-plugins'],
    path: [folder, built.runc, ...system].join(delimiter),
  };
}

/**
 * Building a containerd takes minutes and Go: `make test` runs on it where somebody (`make conformance`) has built the pinned
 * version.
 */
export function isAtHand(version: ContainerdVersion): boolean {
  if (version === '1.6') return true;
  const { daemon, others } = toolsOf(version);
  return areAtHand([daemon, ...others]);
}

/** The programs in words, each with the version that it says itself: `containerd v2.4.2, runc 1.5.3`. */
export function describePrograms({ containerd, runc }: Pick<ContainerdPrograms, 'containerd' | 'runc'>): string {
  return `containerd ${versionSaid(containerd)}, runc ${versionSaid(runc)}`;
}

/** The version that a program prints for `--version`; empty when it prints none. */
export function versionSaid(program: string): string {
  return /v?\d+\.\d+\.\d+\S*/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? '';
}

export interface Containerd {
  readonly programs: ContainerdPrograms;
  /** Path of its socket. */
  readonly address: string;
  readonly root: string;
  readonly state: string;
  readonly daemon: Daemon;
  /** Runs ctr against it in namespace k8s.io; answers what it printed. */
  ctr(...args: string[]): string;
  stop(): Promise<void>;
  /**
   * Stops the process and starts it again on the same root and state: its shims live on. With `plugin`, its own CRI is on
   * from then on, or off; only where its settings are known.
   */
  restart(change?: { readonly plugin: boolean }): Promise<void>;
}

export interface ContainerdOptions {
  readonly version: ContainerdVersion;
  /** Root, state, socket, config and log lie below it; short, for the length of a socket path. */
  readonly dir: string;
  /** Given: its own CRI plugin is on, with this network and these registries. */
  readonly plugin?: Pick<PluginOptions, 'network' | 'certsDir' | 'streamPort' | 'settings' | 'runtimes'>;
  readonly snapshotter?: string;
  /** Its programs, where they are not the ones that `containerdPrograms` finds. */
  readonly programs?: ContainerdPrograms;
  /** The command line that is run instead of the daemon's own. */
  readonly launch?: (argv: readonly string[]) => readonly string[];
}

/** Starts a containerd of a test's own; nothing of it is shared with the machine's. */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const { programs = containerdPrograms(options.version), launch = (argv) => argv } = options;
  const home = join(options.dir, 'containerd');
  const root = join(home, 'root');
  const state = join(home, 'state');
  const address = join(home, 'c.sock');
  mkdirSync(home, { recursive: true });
  const configFile = join(home, 'config.toml');
  const configure = (plugin: ContainerdOptions['plugin']): void =>
    writeFileSync(configFile, stringify(configOf({ ...options, plugin }, { home, root, state, address })));
  configure(options.plugin);
  const start = () =>
    startDaemon({
      name: `containerd-${options.version}`,
      argv: launch([programs.containerd, '--config', configFile]),
      env: { ...process.env, PATH: programs.path },
      dir: options.dir,
      ready: () => answers(address),
    });
  let daemon = await start();
  return {
    programs,
    address,
    root,
    state,
    get daemon() {
      return daemon;
    },
    ctr: (...args) =>
      execFileSync(programs.ctr, ['--address', address, '--namespace', 'k8s.io', ...args], {
        encoding: 'utf8',
        maxBuffer: 64 << 20,
        // It warns of cgroup v1 each time; with an error, what it said is in the message.
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    stop: () => daemon.stop(),
    restart: async (change) => {
      await daemon.stop();
      if (change) configure(change.plugin ? options.plugin : undefined);
      daemon = await start();
    },
  };
}

interface Paths {
  readonly home: string;
  readonly root: string;
  readonly state: string;
  readonly address: string;
}

/** The daemon's whole configuration; what would touch a fixed path of the machine (NRI, /opt/containerd) is moved or off. */
function configOf(options: ContainerdOptions, { home, root, state, address }: Paths) {
  const cri = isFirst(options.version)
    ? ['io.containerd.grpc.v1.cri']
    : ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images', 'io.containerd.cri.v1.runtime'];
  return {
    version: isFirst(options.version) ? 2 : 3,
    root,
    state,
    grpc: { address },
    ttrpc: { address: `${address}.ttrpc` },
    disabled_plugins: options.plugin ? [] : cri,
    plugins: {
      'io.containerd.internal.v1.opt': { path: join(home, 'opt') },
      ...(options.version === '1.6' ? {} : { 'io.containerd.nri.v1.nri': { disable: true } }),
      ...(options.plugin
        ? pluginSettings({ version: options.version, snapshotter: options.snapshotter, ...options.plugin })
        : {}),
    },
  };
}
