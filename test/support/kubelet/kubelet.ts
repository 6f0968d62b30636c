import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { checkout } from '../daemon/places';
import { answers, type Daemon, startDaemon } from '../daemon/process';
import { freePort } from '../daemon/registry';
import { createScratch, removeScratch } from '../daemon/scratch';
import { buildTools } from '../daemon/tools';
import { makeCgroup, removeCgroup } from './cgroup';
import { type KubeletPlaces, kubeletConfiguration, type Settings } from './configuration';

export interface KubeletOptions {
  /** Folder for its log. */
  readonly logDir: string;
  /** Path of the CRI socket. */
  readonly criSocket: string;
  /** Path of containerd's socket, for cAdvisor. */
  readonly containerdSocket: string;
  readonly settings?: Settings;
  /** Flags that have no setting. */
  readonly flags?: readonly string[];
}

/** A kubelet without an API server: its pods are the manifests in a folder. Its every path, port and cgroup is its own. */
export interface Kubelet extends KubeletPlaces {
  /** In PEM, what its API is served with; made at its first start. */
  readonly certificate: string;
  readonly daemon: Daemon;
  /** Ends it; pods run on. */
  stop(): Promise<void>;
  /** Ends it without a chance to tidy up. */
  kill(): Promise<void>;
  /** Starts it again after `stop` or `kill`, with these settings over those it had at first. */
  start(settings?: Settings): Promise<void>;
  /** For when it has ended and its pods are removed: its cgroups, mounts and folders are gone afterwards. */
  remove(): void;
}

/** Starts a kubelet; the caller stops it, removes its pods, and removes it. */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const program = join(buildTools(['kubelet']).kubelet, 'kubelet');
  const places = await makePlaces(options.criSocket);
  const remove = (): void => {
    removeCgroup(places.cgroup);
    removeScratch(places.home);
  };
  const start = (settings: Settings = {}): Promise<Daemon> => {
    const config = { ...kubeletConfiguration(places), ...options.settings, ...settings };
    writeFileSync(join(places.home, 'config.json'), JSON.stringify(config, null, 2));
    return startDaemon({
      name: 'kubelet',
      argv: commandLine(program, places, options),
      dir: options.logDir,
      ready: () => answers(places.port),
    });
  };
  try {
    let daemon = await start();
    return {
      ...places,
      certificate: readFileSync(join(places.home, 'pki/kubelet.crt'), 'utf8'),
      get daemon() {
        return daemon;
      },
      stop: () => daemon.stop(),
      kill: () => daemon.kill(),
      start: async (settings) => {
        daemon = await start(settings);
      },
      remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

async function makePlaces(criSocket: string): Promise<KubeletPlaces> {
  const home = createScratch();
  const nodeName = basename(home).toLowerCase();
  const places = {
    home,
    nodeName,
    root: join(home, 'root'),
    manifests: join(home, 'manifests'),
    podLogs: join(home, 'pod-logs'),
    plugins: join(home, 'plugins'),
    criSocket,
    cgroup: `/${nodeName}`,
    port: await freePort(),
    healthzPort: await freePort(),
  };
  for (const folder of [places.root, places.manifests, places.podLogs, places.plugins]) mkdirSync(folder);
  // Shared with kubelet's mount namespace whatever the machine's root is, which takes a mount of its own.
  execFileSync('mount', ['--bind', places.root, places.root]);
  execFileSync('mount', ['--make-shared', places.root]);
  makeCgroup(places.cgroup);
  return places;
}

function commandLine(program: string, places: KubeletPlaces, options: KubeletOptions): string[] {
  const { home, root, nodeName } = places;
  const namespace = ['unshare', '--mount', '--propagation', 'unchanged'];
  const mounts = [join(checkout(), 'test/support/kubelet/own-mounts.sh'), home, options.containerdSocket];
  const paths = ['--config', join(home, 'config.json'), '--root-dir', root, '--cert-dir', join(home, 'pki')];
  return [...namespace, ...mounts, program, ...paths, '--hostname-override', nodeName, ...(options.flags ?? [])];
}
