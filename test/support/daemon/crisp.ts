import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';

import { CriClient } from '../../../src/client/cri-client';
import { RpcCallError } from '../../../src/rpc/client/rpc-call-error';
import type { FakeServiceManager } from '../service-manager';
import type { PodNetwork } from './cni';
import type { Containerd } from './containerd';
import { checkout } from './places';
import { contentOf } from './pod-processes';
import { answers, type Daemon, type DaemonOptions, startDaemon, until } from './process';

export interface Crisp {
  /** Path of the CRI socket. */
  readonly socket: string;
  readonly configFile: string;
  readonly netnsDir: string;
  /** Folders with an entry for each sandbox or container. */
  readonly recordDirs: readonly string[];
  /** Folder with a journal file for each pod. */
  readonly journalDir: string;
  /** Folder with a note for each container whose stdio is open. */
  readonly stdioNotesDir: string;
  readonly daemon: Daemon;
  stop(): Promise<void>;
  /** Ends it without a chance to tidy up, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same directories after `stop` or `kill`; of another build when given its bundle. */
  start(program?: string, readyWithinMs?: number): Promise<void>;
  /** The process that has the stdio of containers, which outlives crisp; undefined when there is none. */
  stdioPid(): number | undefined;
  /** Ends that process, and one that is only about to be it; resolves when they are gone. */
  endStdio(signal?: NodeJS.Signals): Promise<void>;
}

export interface CrispOptions {
  readonly dir: string;
  readonly containerd: Pick<Containerd, 'address' | 'root' | 'state'>;
  readonly network: PodNetwork;
  readonly certsDir?: string;
  /** Merged over the configuration's top level. */
  readonly settings?: Record<string, unknown>;
  /** Who starts it, and keeps descriptors for it. */
  readonly manager?: FakeServiceManager;
  /** The bundle, where it is not this checkout's. */
  readonly program?: string;
  /** The command line that is run instead of its own. */
  readonly launch?: (argv: readonly string[]) => readonly string[];
  /** More of its environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts the built crisp on directories of the test's own, in front of the given containerd. */
export async function startCrisp(options: CrispOptions): Promise<Crisp> {
  const { program = join(checkout(), 'bin/crisp'), launch = (argv) => argv } = options;
  if (!existsSync(program)) throw new Error(`${program} is not built: npm run build`);
  const home = join(options.dir, 'crisp');
  mkdirSync(home, { recursive: true });
  const socket = join(home, 'crisp.sock');
  const configFile = join(home, 'config.toml');
  const settings = settingsOf(options, home, socket);
  writeFileSync(configFile, stringify(settings));
  const start = (bundle = program, readyWithinMs?: number) =>
    startDaemon({
      readyWithinMs,
      name: 'crisp',
      ...underManager(launch([process.execPath, bundle, 'serve', '--config', configFile]), options),
      dir: options.dir,
      // Its socket is there before it serves: until then, pods are being found again.
      ready: () => serves(socket),
      everyMs: 20,
    });
  let daemon = await start();
  const stdioDir = join(settings.state, 'stdio');
  return {
    socket,
    configFile,
    netnsDir: join(settings.cri_state, 'netns'),
    recordDirs: [settings.cri_root, settings.cri_state].flatMap((base) => [
      join(base, 'sandboxes'),
      join(base, 'containers'),
      join(base, 'image-volumes'),
    ]),
    journalDir: join(settings.root, 'sandboxes'),
    stdioNotesDir: join(settings.state, 'stdio/open'),
    get daemon() {
      return daemon;
    },
    stop: () => daemon.stop(),
    kill: () => daemon.kill(),
    start: async (bundle, readyWithinMs) => {
      daemon = await start(bundle, readyWithinMs);
    },
    stdioPid: () => pidInLock(join(stdioDir, 'lock')),
    endStdio: async (signal = 'SIGTERM') => {
      await Promise.all(stdioProcesses(stdioDir).map((pid) => endProcess(pid, signal)));
    },
  };
}

/** How a service manager starts it: only the program itself can know the pid that it must find in LISTEN_PID. */
function underManager(
  argv: readonly string[],
  { manager, env: more }: Pick<CrispOptions, 'manager' | 'env'>,
): Pick<DaemonOptions, 'argv' | 'env' | 'fds'> {
  if (!manager) return { argv, env: { ...process.env, ...more } };
  const { fds, names } = manager.passed();
  const env = {
    ...process.env,
    ...more,
    NOTIFY_SOCKET: manager.path,
    ...(fds.length > 0 ? { LISTEN_FDS: String(fds.length), LISTEN_FDNAMES: names.join(':') } : {}),
  };
  return { argv: ['sh', '-c', 'export LISTEN_PID=$$; exec "$@"', 'sh', ...argv], env, fds };
}

/** Whether somebody serves there and has looked for its pods, whatever has come of it. */
export async function serves(socket: string): Promise<boolean> {
  if (!(await answers(socket))) return false;
  const cri = new CriClient(socket);
  try {
    await cri.runtime.listPodSandbox({ filter: undefined }, { timeoutMs: 2000 });
    return true;
  } catch (error) {
    return error instanceof RpcCallError && !error.message.includes('pods are being recovered');
  } finally {
    cri.close();
  }
}

/** The process that holds a lock of crisp's, by what the file says; undefined when it is gone. */
function pidInLock(path: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number };
    return isAlive(pid) ? pid : undefined;
  } catch {
    return undefined; // no file, or emptied by its holder
  }
}

/** Those that were started to have the stdio of containers there; one of them holds the lock, or none yet. */
function stdioProcesses(dir: string): number[] {
  const isOne = (pid: string): boolean => {
    const argv = contentOf(`/proc/${pid}/cmdline`).split('\0');
    return argv[argv.indexOf('--dir') + 1] === dir;
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isOne(name))
    .map(Number);
}

async function endProcess(pid: number, signal: NodeJS.Signals): Promise<void> {
  try {
    process.kill(pid, signal);
  } catch {
    return; // it has ended by itself
  }
  await until(`process ${pid} is gone`, 10_000, async () => !isAlive(pid));
}

/** A zombie is as gone as can be: nobody here may be its parent. */
function isAlive(pid: number): boolean {
  return /^State:\s+[^Z\s]/m.test(contentOf(`/proc/${pid}/status`));
}

function containerdSettings(settings: CrispOptions['settings']): object {
  return typeof settings?.containerd === 'object' && settings.containerd !== null ? settings.containerd : {};
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
    containerd: { ...containerdSettings(settings), address: containerd.address, namespace: 'k8s.io' },
    cni: { bin_dirs: network.binDirs, conf_dir: network.confDir, cache_dir: network.cacheDir },
    registry: { config_path: certsDir ?? '' },
  };
}
