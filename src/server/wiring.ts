import type { Logger } from '../base/logger';
import { KeyedMutex } from '../base/work/keyed-mutex';
import { Retries } from '../base/work/retry-queue';
import type { Config } from '../config/schema';
import { ContainerdClient } from '../containerd/client';
import { CdiFiles } from '../cri/container/inputs/cdi-files';
import { ResourceClassFiles } from '../cri/container/inputs/resource-class-files';
import { Creations } from '../cri/creations';
import type { CriDeps } from '../cri/deps';
import { imageNames } from '../cri/image/cri-image';
import { ImageVerifiers } from '../cri/image/image-verifiers';
import { HandlerFeatures } from '../cri/runtime/handler-features';
import { runtimeHandlers } from '../cri/runtime-handlers';
import { EventMonitor } from '../exits/event-monitor';
import { ExitMonitor } from '../exits/exit-monitor';
import { Sweep } from '../gc/sweep';
import { readHostFacts } from '../host/host-facts';
import { Paths } from '../host/paths';
import { pidBehindSocket } from '../host/process/peer';
import { runOk } from '../host/process/run';
import { readSelinuxContexts } from '../host/security/selinux';
import { SelinuxLabelAllocator } from '../host/security/selinux-labels';
import { thisHost } from '../host/this-machine';
import { ImagePuller } from '../images/pull/pull';
import { ImageIndex } from '../images/store/image-index';
import { UnpackedImages } from '../images/unpack/unpacked-images';
import type { HostFacts } from '../model/host-facts';
import { MetricsRegistry } from '../observability/metrics-registry';
import { UserFiles } from '../pods/user-files';
import { allTasksOf } from '../recovery/ask-for-task';
import { StatsSampler } from '../sampler/stats-sampler';
import { PodShims } from '../shims/pod-shims';
import { ShimGroups } from '../shims/shim-groups';
import { ContainerEvents } from '../state/container-events';
import { ContainerStore } from '../state/container-store';
import { toCriContainerStatus, toCriSandboxStatus } from '../state/cri-shapes';
import { Exits } from '../state/exits';
import { NameIndex } from '../state/name-index';
import { SandboxStore } from '../state/sandbox-store';
import { ExecIo } from '../stdio/exec-io';
import type { StdioRemote } from '../stdio/stdio-remote';
import type { StreamingServer } from '../streaming/server';
import type { DaemonFeatures, LifecycleDeps } from '../tasks/deps';
import { Networks } from './networks';
import type { AppOptions } from './options';
import { stdioRemote } from './stdio';
import { buildStreaming } from './streaming';
import { daemonFeatures, requireUsableDaemon, UnusableDaemon } from './usable-containerd';

const NETNS_DIR = '/var/run/netns';

/** Everything that `server/start.ts` starts and stops. */
export interface Parts {
  readonly deps: CriDeps;
  readonly networks: Networks;
  readonly stdio: StdioRemote;
  readonly eventMonitor: EventMonitor;
  readonly sweep: Sweep;
  readonly streaming: StreamingServer;
  /** Resolves when a containerd that came back must not be used, once `giveUp` has let go of everything. */
  readonly unusable: Promise<UnusableDaemon>;
  /**
   * From now on nothing of this containerd's is touched in the background, and calls are refused with the reason. These
   * parts are of no more use then: they are stopped, and new ones built.
   */
  giveUp(error: UnusableDaemon): Promise<void>;
  /** Looks again at the daemon behind the socket: its process, its features. */
  refreshDaemon(): Promise<void>;
}

/** What the daemon and this machine are just now; both are looked at again after a reconnect. */
interface Surroundings {
  facts: HostFacts;
  readonly daemon: { features: DaemonFeatures };
}

/** Builds every part once, in the order in which they need each other. Nothing is started yet. */
export async function buildParts(config: Config, options: AppOptions): Promise<Parts> {
  const { log } = options;
  const { address, namespace } = config.containerd;
  const metrics = new MetricsRegistry();
  const syncUnpacked = config.image_pull_with_sync_fs;
  const containerd = new ContainerdClient({ address, namespace, log, metrics, syncUnpacked });
  const surroundings: Surroundings = {
    facts: await readHostFacts({ daemonPid: await daemonPid(address) }),
    daemon: { features: { sandboxStore: false, version: '' } },
  };
  const networks = new Networks(config, log, metrics);
  const stdio = stdioRemote(config, options, metrics);
  const stories = await buildDeps(config, { ...options, metrics, containerd, surroundings, networks, stdio });
  const streaming = await buildStreaming(config, stories);
  const deps: CriDeps = { ...stories, streaming };
  const refreshDaemon = async (): Promise<void> => {
    surroundings.facts = await readHostFacts({ daemonPid: await daemonPid(address) });
    surroundings.daemon.features = await daemonFeatures(containerd);
    deps.features.forget();
  };
  const sweep = new Sweep(deps);
  const { unusable, giveUp, givenUp } = givingUp(deps, { sweep, stdio });
  const resync = async (): Promise<void> => {
    const reason = givenUp();
    if (reason) throw reason;
    await requireStillUsable(deps, giveUp);
    await refreshDaemon();
    await deps.images.resync();
  };
  const { images, containers } = deps;
  return {
    deps,
    networks,
    stdio,
    streaming,
    sweep,
    eventMonitor: new EventMonitor({ containerd, namespace, images, containers, log, resync }),
    unusable,
    giveUp,
    refreshDaemon,
  };
}

type GivingUp = Pick<Parts, 'unusable' | 'giveUp'> & {
  /** Why everything was given up; undefined when it was not. */
  givenUp(): UnusableDaemon | undefined;
};

/** See `Parts.giveUp`. */
function givingUp(deps: CriDeps, { sweep, stdio }: { sweep: Sweep; stdio: StdioRemote }): GivingUp {
  let reason: UnusableDaemon | undefined;
  let tellUnusable: (error: UnusableDaemon) => void = () => undefined;
  const unusable = new Promise<UnusableDaemon>((resolve) => {
    tellUnusable = resolve;
  });
  const giveUp = async (error: UnusableDaemon): Promise<void> => {
    reason ??= error;
    deps.readiness.problem = error.message;
    deps.monitor.stop();
    deps.retries.stop();
    sweep.stop();
    deps.stats.stop();
    if (error.hasOurPods) await stdio.letGo();
    tellUnusable(error);
  };
  return { unusable, giveUp, givenUp: () => reason };
}

interface Ground {
  readonly log: Logger;
  readonly version: string;
  readonly metrics: MetricsRegistry;
  readonly containerd: ContainerdClient;
  readonly surroundings: Surroundings;
  readonly networks: Networks;
  readonly stdio: StdioRemote;
}

/** Everything that a story may ask for. */
async function buildDeps(config: Config, ground: Ground): Promise<Omit<CriDeps, 'streaming'>> {
  const { log, version, metrics, containerd, surroundings } = ground;
  const images = new ImageIndex({ containerd, log, sandboxImage: config.sandbox_image });
  const namesOfImage: CriDeps['namesOfImage'] = (id) => {
    const image = images.find(id);
    return image && imageNames(image);
  };
  const lifecycle = await buildLifecycle(config, ground, namesOfImage);
  return {
    ...lifecycle,
    config,
    version,
    creations: new Creations(),
    readiness: { problem: 'pods are being recovered' },
    metrics,
    images,
    unpacked: new UnpackedImages({ containerd }),
    puller: imagePuller(config, { containerd, index: images, log, metrics }),
    retries: new Retries(log),
    allTasks: allTasksOf(containerd),
    monitor: new ExitMonitor({ containerd, host: lifecycle.host, exits: lifecycle.exits, log }),
    stats: new StatsSampler(lifecycle, {
      periodMs: config.stats_collect_period * 1000,
      countContent: config.image_fs_counts_content,
    }),
    namesOfImage,
    execIo: new ExecIo(),
    userFiles: new UserFiles(lifecycle),
    cdiFiles: new CdiFiles(config.cdi_spec_dirs, log),
    resourceClasses: new ResourceClassFiles({
      blockIo: config.containerd.blockio_config_file,
      rdt: config.containerd.rdt_config_file,
    }),
    features: new HandlerFeatures({ containerd, facts: () => surroundings.facts, log, runFeatures }),
  };
}

/** What the verbs below the stories may ask for. */
async function buildLifecycle(
  config: Config,
  { log, containerd, surroundings, networks, stdio }: Ground,
  namesOfImage: CriDeps['namesOfImage'],
): Promise<LifecycleDeps> {
  const netns = config.netns_mounts_under_state_dir ? `${config.cri_state}/netns` : NETNS_DIR;
  const sandboxes = new SandboxStore(config.root);
  const containers = new ContainerStore(config.cri_root);
  const events = new ContainerEvents((sandboxId) => {
    const sandbox = sandboxes.get(sandboxId);
    const statuses = containers.bySandbox(sandboxId).map((container) => toCriContainerStatus(container, namesOfImage));
    return { podSandboxStatus: sandbox && toCriSandboxStatus(sandbox, false), containersStatuses: statuses };
  }, log);
  const host = await thisHost(() => surroundings.facts, [config.cri_root, config.cri_state, config.state], log);
  const locks = new KeyedMutex();
  return {
    log,
    containerd,
    daemon: surroundings.daemon,
    host,
    paths: new Paths({
      criRoot: config.cri_root,
      criState: config.cri_state,
      netns,
      state: config.state,
      namespace: config.containerd.namespace,
    }),
    handlers: runtimeHandlers(config),
    locks,
    names: new NameIndex(),
    shimGroups: new ShimGroups(),
    selinux: await selinuxLabels(config, surroundings.facts, log),
    sandboxes,
    shims: new PodShims({ sandboxes, locks, host, containerd: config.containerd }),
    containers,
    exits: new Exits(),
    stdio,
    events,
    maxLogLineBytes: config.max_container_log_line_size,
    networksOf: (handler) => networks.of(handler),
  };
}

/** Labels for pods where both the configuration and this host have SELinux on. */
async function selinuxLabels(config: Config, facts: HostFacts, log: Logger): Promise<SelinuxLabelAllocator> {
  const contexts = config.enable_selinux && facts.selinux ? await readSelinuxContexts() : undefined;
  if (config.enable_selinux && !contexts) log.warn('SELinux labels are enabled, but this host has none for containers');
  return new SelinuxLabelAllocator({ contexts, categoryRange: config.selinux_category_range });
}

function imagePuller(
  config: Config,
  parts: { containerd: ContainerdClient; index: ImageIndex; log: Logger; metrics: MetricsRegistry },
): ImagePuller {
  const verifiers = new ImageVerifiers({
    binDir: config.image_verifier.bin_dir,
    maxVerifiers: config.image_verifier.max_verifiers,
    timeoutMs: config.image_verifier.per_verifier_timeout,
    log: parts.log,
  });
  return new ImagePuller({
    ...parts,
    configPath: config.registry.config_path,
    maxConcurrentDownloads: config.max_concurrent_downloads,
    progressTimeoutMs: config.image_pull_progress_timeout,
    layerPartBytes: config.concurrent_layer_fetch_buffer,
    discardUnpackedLayers: config.discard_unpacked_layers,
    disableSnapshotAnnotations: config.disable_snapshot_annotations,
    pinned: [config.sandbox_image],
    verify: (image) => verifiers.verify(image),
  });
}

/** A containerd that came back may be configured differently: then everything is given up. */
async function requireStillUsable(deps: CriDeps, giveUp: Parts['giveUp']): Promise<void> {
  try {
    await requireUsableDaemon(deps.containerd, deps.config.containerd);
    deps.readiness.problem = '';
  } catch (error) {
    if (error instanceof UnusableDaemon) await giveUp(error);
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
