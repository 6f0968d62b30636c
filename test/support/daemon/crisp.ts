import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';

import type { PodNetwork } from './cni';
import type { Containerd } from './containerd';
import { checkout } from './places';
import { answers, type Daemon, startDaemon } from './process';

export interface Crisp {
  /** Path of the CRI socket. */
  readonly socket: string;
  readonly configFile: string;
  readonly netnsDir: string;
  /** Folders with an entry for each sandbox or container. */
  readonly recordDirs: readonly string[];
  readonly daemon: Daemon;
  stop(): Promise<void>;
  /** Ends it without a chance to tidy up, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same directories after `stop` or `kill`. */
  start(): Promise<void>;
}

export interface CrispOptions {
  readonly dir: string;
  readonly containerd: Containerd;
  readonly network: PodNetwork;
  readonly certsDir?: string;
  /** Merged over the configuration's top level. */
  readonly settings?: Record<string, unknown>;
  /** More of its environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts the built crisp (`dist/crisp.js`) on directories of the test's own, in front of the given containerd. */
export async function startCrisp(options: CrispOptions): Promise<Crisp> {
  const program = join(checkout(), 'dist/crisp.js');
  if (!existsSync(program)) throw new Error('dist/crisp.js is not built: npm run build');
  const home = join(options.dir, 'crisp');
  mkdirSync(home, { recursive: true });
  const socket = join(home, 'crisp.sock');
  const configFile = join(home, 'config.toml');
  const settings = settingsOf(options, home, socket);
  writeFileSync(configFile, stringify(settings));
  const start = () =>
    startDaemon({
      name: 'crisp',
      argv: [process.execPath, program, 'serve', '--config', configFile],
      env: { ...process.env, ...options.env },
      dir: options.dir,
      ready: () => answers(socket),
    });
  let daemon = await start();
  return {
    socket,
    configFile,
    netnsDir: join(settings.cri_state, 'netns'),
    recordDirs: [settings.cri_root, settings.cri_state].flatMap((base) => [
      join(base, 'sandboxes'),
      join(base, 'containers'),
    ]),
    get daemon() {
      return daemon;
    },
    stop: () => daemon.stop(),
    kill: () => daemon.kill(),
    start: async () => {
      daemon = await start();
    },
  };
}

function settingsOf({ containerd, network, certsDir, settings }: CrispOptions, home: string, socket: string) {
  return {
    listen: socket,
    root: join(home, 'root'),
    state: join(home, 'state'),
    cri_root: join(containerd.root, 'io.containerd.grpc.v1.cri'),
    cri_state: join(containerd.state, 'io.containerd.grpc.v1.cri'),
    netns_mounts_under_state_dir: true,
    ...settings,
    containerd: { address: containerd.address, namespace: 'k8s.io' },
    cni: { bin_dirs: network.binDirs, conf_dir: network.confDir, cache_dir: network.cacheDir },
    registry: { config_path: certsDir ?? '' },
  };
}
