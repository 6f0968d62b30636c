import { KeyedMutex } from './base/keyed-mutex';
import type { Logger } from './base/logger';
import { PodNetworks } from './cni/pod-networks';
import type { Config } from './config/schema';
import { ContainerdClient } from './containerd/client';
import { Creations } from './cri/creations';
import type { CriDeps } from './cri/deps';
import { imageNames } from './cri/image/cri-image';
import { HandlerFeatures } from './cri/runtime/handler-features';
import { runtimeHandlers } from './cri/runtime-handlers';
import { readHostFacts } from './host/host-facts';
import { bringLoopbackUp } from './host/netns';
import { pidBehindSocket } from './host/peer';
import { runOk } from './host/run';
import { ImageIndex } from './images/image-index';
import { ImagePuller } from './images/pull';
import { ExecIo } from './io/exec-io';
import { StdioInProcess } from './io/stdio-in-process';
import { CdiFiles } from './lifecycle/cdi-files';
import { Paths } from './lifecycle/paths';
import { thisHost } from './lifecycle/this-host';
import { daemonFeatures, requireUsableDaemon, UnusableDaemon } from './lifecycle/usable-daemon';
import { UserFiles } from './lifecycle/user-files';
import type { RuntimeHandler } from './model/runtime-handler';
import { EventMonitor } from './monitor/event-monitor';
import { ExitMonitor } from './monitor/exit-monitor';
import { StatsSampler } from './monitor/stats-sampler';
import { Sweep } from './monitor/sweep';
import { MetricsRegistry } from './observability/metrics-registry';
import { ContainerEvents } from './state/container-events';
import { ContainerStore } from './state/container-store';
import { toCriContainerStatus, toCriSandboxStatus } from './state/cri-shapes';
import { Exits } from './state/exits';
import { NameIndex } from './state/name-index';
import { SandboxStore } from './state/sandbox-store';

const NETNS_DIR = '/var/run/netns';

/** Everything that `app.ts` starts and stops. */
export interface Parts {
  readonly deps: CriDeps;
  readonly networks: Networks;
  readonly eventMonitor: EventMonitor;
  readonly sweep: Sweep;
  /** Looks again at the daemon behind the socket: its process, its features. */
  refreshDaemon(): Promise<void>;
}

/** Builds every part once, in the order in which they need each other. Nothing is started yet. */
export async function buildParts(config: Config, options: { log: Logger; version: string }): Promise<Parts> {
  const { log, version } = options;
  const metrics = new MetricsRegistry();
  const { address, namespace } = config.containerd;
  const containerd = new ContainerdClient({ address, namespace, log, metrics });
  const handlers = runtimeHandlers(config);
  const facts = { now: await readHostFacts({ daemonPid: await daemonPid(address) }) };
  const netns = config.netns_mounts_under_state_dir ? `${config.cri_state}/netns` : NETNS_DIR;
  const paths = new Paths({ criRoot: config.cri_root, criState: config.cri_state, netns, state: config.state });
  const host = await thisHost(() => facts.now, [config.cri_root, config.cri_state, config.state]);
  const sandboxes = new SandboxStore(config.root);
  const containers = new ContainerStore(config.cri_root);
  const images = new ImageIndex({ containerd, log, sandboxImage: config.sandbox_image });
  const namesOfImage: CriDeps['namesOfImage'] = (id) => {
    const image = images.find(id);
    return image && imageNames(image);
  };
  const events = new ContainerEvents((sandboxId) => {
    const sandbox = sandboxes.get(sandboxId);
    const statuses = containers.bySandbox(sandboxId).map((container) => toCriContainerStatus(container, namesOfImage));
    return { podSandboxStatus: sandbox && toCriSandboxStatus(sandbox, false), containersStatuses: statuses };
  }, log);
  const exits = new Exits();
  const daemon = { features: { sandboxStore: false } };
  const features = new HandlerFeatures({ containerd, facts: () => facts.now, log, runFeatures });
  const networks = new Networks(config, log, metrics);
  const lifecycle = {
    log,
    containerd,
    daemon,
    host,
    paths,
    handlers,
    locks: new KeyedMutex(),
    names: new NameIndex(),
    sandboxes,
    containers,
    exits,
    stdio: new StdioInProcess({ log, metrics }),
    events,
    maxLogLineBytes: config.max_container_log_line_size,
    networksOf: (handler: RuntimeHandler) => networks.of(handler),
  };
  const deps: CriDeps = {
    ...lifecycle,
    config,
    version,
    creations: new Creations(),
    readiness: { problem: 'pods are being recovered' },
    metrics,
    images,
    puller: imagePuller(config, { containerd, index: images, log, metrics }),
    monitor: new ExitMonitor({ containerd, exits, log }),
    stats: new StatsSampler(lifecycle, config.stats_collect_period * 1000),
    namesOfImage,
    execIo: new ExecIo(),
    userFiles: new UserFiles(lifecycle),
    cdiFiles: new CdiFiles(config.cdi_spec_dirs),
    features,
  };
  const refreshDaemon = async (): Promise<void> => {
    facts.now = await readHostFacts({ daemonPid: await daemonPid(address) });
    daemon.features = await daemonFeatures(containerd);
    features.forget();
  };
  const resync = async (): Promise<void> => {
    await requireStillUsable(deps);
    await refreshDaemon();
    await images.resync();
  };
  return {
    deps,
    networks,
    sweep: new Sweep(lifecycle),
    eventMonitor: new EventMonitor({ containerd, namespace, images, containers, log, resync }),
    refreshDaemon,
  };
}

/** The pod networks of each CNI configuration directory: handlers may have one of their own. */
export class Networks {
  private readonly byDir = new Map<string, PodNetworks>();

  constructor(
    private readonly config: Config,
    private readonly log: Logger,
    private readonly metrics: MetricsRegistry,
  ) {}

  /** The networks of a handler; made and started when first asked for. */
  of(handler: RuntimeHandler): PodNetworks {
    const key = `${handler.cniConfDir} ${handler.cniMaxConfNum}`;
    const known = this.byDir.get(key);
    if (known) return known;
    const { cni } = this.config;
    const networks = new PodNetworks({
      confDir: handler.cniConfDir,
      binDirs: cni.bin_dirs,
      maxConfNum: handler.cniMaxConfNum,
      cacheDir: cni.cache_dir,
      ipPref: cni.ip_pref,
      setupSerially: cni.setup_serially,
      useInternalLoopback: cni.use_internal_loopback,
      timeoutMs: cni.timeout,
      log: this.log,
      metrics: this.metrics,
      bringLoopbackUp: (path) => bringLoopbackUp(path),
    });
    this.byDir.set(key, networks);
    // Not awaited: it can be asked at once, and waits by itself for the first look at its directory.
    void networks.start();
    return networks;
  }

  stop(): void {
    for (const networks of this.byDir.values()) networks.stop();
  }
}

function imagePuller(
  config: Config,
  parts: { containerd: ContainerdClient; index: ImageIndex; log: Logger; metrics: MetricsRegistry },
): ImagePuller {
  return new ImagePuller({
    ...parts,
    configPath: config.registry.config_path,
    maxConcurrentDownloads: config.max_concurrent_downloads,
    progressTimeoutMs: config.image_pull_progress_timeout,
    discardUnpackedLayers: config.discard_unpacked_layers,
    disableSnapshotAnnotations: config.disable_snapshot_annotations,
    pinned: [config.sandbox_image],
  });
}

/** The daemon that came back may be configured otherwise: then nothing is served until that is mended. */
async function requireStillUsable(deps: CriDeps): Promise<void> {
  try {
    await requireUsableDaemon(deps.containerd, deps.config.containerd);
    deps.readiness.problem = '';
  } catch (error) {
    if (error instanceof UnusableDaemon) deps.readiness.problem = error.message;
    throw error;
  }
}

async function runFeatures(binary: string): Promise<Buffer> {
  const { stdout } = await runOk([binary, 'features'], { timeoutMs: 10_000 });
  return Buffer.from(stdout);
}

/** The process that runs containers; undefined while nobody listens. */
function daemonPid(address: string): Promise<number | undefined> {
  return pidBehindSocket(address.replace(/^unix:\/\//, ''));
}
