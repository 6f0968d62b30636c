import { mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TaskDelete } from '../../generated/containerd/events/task';
import { Status } from '../../generated/containerd/types/task/task';
import { silentLogger } from '../../src/base/logger';
import { noMetrics } from '../../src/base/metrics';
import { KeyedMutex } from '../../src/base/work/keyed-mutex';
import { Retries } from '../../src/base/work/retry-queue';
import { parseConfig } from '../../src/config/load';
import type { Config } from '../../src/config/schema';
import { ContainerdClient } from '../../src/containerd/client';
import { CdiFiles } from '../../src/cri/container/inputs/cdi-files';
import { ResourceClassFiles } from '../../src/cri/container/inputs/resource-class-files';
import { Creations } from '../../src/cri/creations';
import type { CriDeps } from '../../src/cri/deps';
import { imageNames } from '../../src/cri/image/cri-image';
import { HandlerFeatures } from '../../src/cri/runtime/handler-features';
import { runtimeHandlers } from '../../src/cri/runtime-handlers';
import { ExitMonitor } from '../../src/exits/exit-monitor';
import { Paths } from '../../src/host/paths';
import type { SelinuxContexts } from '../../src/host/security/selinux';
import { SelinuxLabelAllocator } from '../../src/host/security/selinux-labels';
import { ImagePuller } from '../../src/images/pull/pull';
import { ImageIndex } from '../../src/images/store/image-index';
import { UnpackedImages } from '../../src/images/unpack/unpacked-images';
import { UserFiles } from '../../src/pods/user-files';
import { allTasksOf } from '../../src/recovery/ask-for-task';
import type { Call } from '../../src/rpc/call';
import { StatsSampler } from '../../src/sampler/stats-sampler';
import { PodShims } from '../../src/shims/pod-shims';
import { ShimGroups } from '../../src/shims/shim-groups';
import { ContainerEvents } from '../../src/state/container-events';
import { ContainerStore } from '../../src/state/container-store';
import { toCriContainerStatus, toCriSandboxStatus } from '../../src/state/cri-shapes';
import { Exits } from '../../src/state/exits';
import { NameIndex } from '../../src/state/name-index';
import { SandboxStore } from '../../src/state/sandbox-store';
import { ExecIo } from '../../src/stdio/exec-io';
import { type Seed, seedImage } from './fake/seed-image';
import { FakeContainerd, type FakeOptions } from './fake-containerd';
import { FakeHost } from './fake-host';
import { FakeNetworks } from './fake-networks';
import { FakeStdio } from './fake-stdio';
import { Faults, withFaults } from './faults';

/** Images that every rig has. */
export const PAUSE_IMAGE = 'registry.k8s.io/pause:3.10.1';
export const APP_IMAGE = 'docker.io/library/app:1';

const WITH_USERNS = '{"linux":{"namespaces":["user"],"mountExtensions":{"idmap":{"enabled":true}}}}';

export interface RigOptions extends FakeOptions {
  /** More of the configuration, as TOML; keys of the root table first. */
  readonly config?: string;
  readonly images?: readonly Seed[];
  /** The runtime and the snapshotter can give user namespaces. */
  readonly userns?: boolean;
  /** Left out: SELinux is off. */
  readonly selinux?: SelinuxContexts;
}

/** What the stories run on in tests: a daemon in memory, a machine in memory, everything else as in production. */
export class StoryRig {
  /** Calls of the host, of CNI and of stdio, and which of them fail. */
  readonly faults = new Faults();
  readonly host = new FakeHost();
  readonly networks = new FakeNetworks();
  readonly stdio = new FakeStdio();
  /** Ids of tasks in the order in which they were deleted; execs are `id/exec`. */
  readonly deletedTasks: string[] = [];
  readonly deps: CriDeps;

  private constructor(
    readonly fake: FakeContainerd,
    readonly dir: string,
    options: RigOptions,
  ) {
    this.deps = this.buildDeps(rigConfig(fake, dir, options.config ?? ''), options);
    this.host.running = (id) => runningPids(fake, id);
    fake.world.subscribe(({ topic, event }) => {
      if (topic !== '/tasks/delete' || !event) return;
      const { containerId, id } = TaskDelete.decode(event.value);
      this.deletedTasks.push(id === containerId ? id : `${containerId}/${id}`);
    });
  }

  /** A rig with its images; close it after the test. */
  static async start(options: RigOptions = {}): Promise<StoryRig> {
    const fake = await FakeContainerd.start(options);
    if (options.userns) for (const plugin of fake.world.plugins) plugin.capabilities.push('remap-ids');
    seedImage(fake, { name: PAUSE_IMAGE, config: { Entrypoint: ['/pause'] } });
    seedImage(fake, { name: APP_IMAGE, config: { Entrypoint: ['/app'], Env: ['FROM=image'] } });
    for (const image of options.images ?? []) seedImage(fake, image);
    const rig = new StoryRig(fake, mkdtempSync(join(tmpdir(), 'stories-')), options);
    await rig.deps.images.resync();
    return rig;
  }

  /** The same daemon, machine and disk under a server that was started anew; the old one hears of nothing more. */
  restarted(options: RigOptions = {}): StoryRig {
    this.deps.retries.stop();
    this.deps.monitor.stop();
    this.deps.containerd.close();
    const next = new StoryRig(this.fake, this.dir, options);
    for (const path of this.host.netns) next.host.netns.add(path);
    for (const path of this.host.mounts) next.host.mounts.add(path);
    for (const [id, pod] of this.networks.attached) next.networks.attached.set(id, pod);
    for (const id of this.host.shims) next.host.shims.add(id);
    return next;
  }

  /** A call whose caller waits until `signal` fires. */
  call(signal: AbortSignal = new AbortController().signal): Call {
    return { method: 'Test', signal, log: silentLogger };
  }

  /** No call fails any more, of whatever kind. */
  heal(): void {
    this.faults.heal();
    this.fake.heal();
  }

  /** What is left, by kind; nothing is `{}`. A lease that expires by itself is none, nor is what it holds. */
  async leftovers(): Promise<Record<string, string[]>> {
    const { deps } = this;
    const all: Record<string, readonly string[]> = {
      ...this.leftInContainerd(),
      netns: [...this.host.netns],
      mounts: [...this.host.mounts],
      attached: [...this.networks.attached.keys()],
      stdio: [...this.stdio.opened.keys()],
      sandboxesListed: deps.sandboxes.list().map(({ metadata }) => metadata.id),
      containersListed: deps.containers.list().map(({ metadata }) => metadata.id),
      owners: deps.sandboxes.ownerIds(),
      counts: Object.entries({
        names: deps.names.size,
        shimGroups: deps.shimGroups.size,
        selinuxLevels: deps.selinux.size,
        locks: deps.locks.size,
        shims: deps.shims.size,
        watched: deps.monitor.size,
        oomWatches: this.host.oom.watched.size,
        exits: deps.exits.size,
      }).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : [])),
      files: await this.files(),
    };
    return Object.fromEntries(Object.entries(all).filter(([, items]) => items.length > 0)) as Record<string, string[]>;
  }

  async close(): Promise<void> {
    this.deps.retries.stop();
    this.deps.monitor.stop();
    this.deps.stats.stop();
    this.deps.containerd.close();
    await this.fake.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  private leftInContainerd(): Record<string, string[]> {
    const { leases, snapshots, ...rest } = this.fake.leftovers();
    const passing = [...this.fake.state.leases.values()].filter(({ labels }) => 'containerd.io/gc.expire' in labels);
    const passingIds = passing.map(({ id }) => id);
    const held = passing.flatMap(({ resources }) => [...resources]).map((each) => each.replace(/^snapshots\//, ''));
    return {
      ...rest,
      leases: (leases ?? []).filter((id) => !passingIds.includes(id)),
      snapshots: (snapshots ?? []).filter((key) => !held.includes(key)),
    };
  }

  private async files(): Promise<string[]> {
    const dirs = [
      ...['root/sandboxes', 'state/mounts'],
      ...['cri-root/sandboxes', 'cri-root/containers'],
      ...['cri-state/sandboxes', 'cri-state/containers', 'cri-state/image-volumes'],
    ];
    const names = await Promise.all(dirs.map((each) => readdir(join(this.dir, each)).catch(() => [])));
    return names.flatMap((each, at) => each.map((name) => `${dirs[at]}/${name}`));
  }

  private buildDeps(config: Config, options: RigOptions): CriDeps {
    const log = silentLogger;
    const metrics = noMetrics;
    const { address, namespace } = config.containerd;
    const containerd = new ContainerdClient({ address, namespace, log });
    const host = withFaults(this.host, this.faults);
    const networks = withFaults(this.networks, this.faults, ['add', 'del', 'status', 'gc', 'writeFromTemplate']);
    const images = new ImageIndex({ containerd, log, sandboxImage: config.sandbox_image });
    const sandboxes = new SandboxStore(config.root);
    const containers = new ContainerStore(config.cri_root);
    const namesOfImage: CriDeps['namesOfImage'] = (id) => {
      const image = images.find(id);
      return image && imageNames(image);
    };
    const events = new ContainerEvents((id) => {
      const sandbox = sandboxes.get(id);
      return {
        podSandboxStatus: sandbox && toCriSandboxStatus(sandbox, false),
        containersStatuses: containers.bySandbox(id).map((each) => toCriContainerStatus(each, namesOfImage)),
      };
    }, log);
    const locks = new KeyedMutex();
    const lifecycle = {
      log,
      containerd,
      daemon: { features: { sandboxStore: options.sandboxStore ?? false, version: 'v2.4.2' } },
      host,
      paths: new Paths({
        criRoot: config.cri_root,
        criState: config.cri_state,
        netns: join(this.dir, 'netns'),
        state: config.state,
        namespace,
      }),
      handlers: runtimeHandlers(config),
      locks,
      names: new NameIndex(),
      shimGroups: new ShimGroups(),
      selinux: new SelinuxLabelAllocator({ contexts: options.selinux, categoryRange: config.selinux_category_range }),
      sandboxes,
      shims: new PodShims({ sandboxes, locks, host, containerd: config.containerd }),
      containers,
      exits: new Exits(),
      stdio: withFaults(this.stdio, this.faults),
      events,
      maxLogLineBytes: config.max_container_log_line_size,
      networksOf: () => networks,
    };
    return {
      ...lifecycle,
      config,
      version: '0.0.0-test',
      streaming: { urlFor: () => 'http://127.0.0.1:1/nothing' },
      readiness: { problem: '' },
      metrics,
      creations: new Creations(),
      images,
      unpacked: new UnpackedImages({ containerd }),
      puller: new ImagePuller({
        containerd,
        index: images,
        log,
        metrics,
        configPath: config.registry.config_path,
        maxConcurrentDownloads: 1,
        progressTimeoutMs: 1000,
        discardUnpackedLayers: false,
        disableSnapshotAnnotations: true,
        pinned: [config.sandbox_image],
      }),
      retries: new Retries(log),
      allTasks: allTasksOf(containerd),
      monitor: new ExitMonitor({ containerd, host, exits: lifecycle.exits, log }),
      stats: new StatsSampler(lifecycle, {
        periodMs: 1_000_000,
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
      features: new HandlerFeatures({
        containerd,
        facts: () => this.host.facts,
        log,
        runFeatures: async () => Buffer.from(options.userns ? WITH_USERNS : '{}'),
      }),
    };
  }
}

/** The machine has the processes of every task that has not ended, whatever its daemon says of them. */
function runningPids(fake: FakeContainerd, id: string): number[] {
  const init = fake.state.tasks.get(id)?.init;
  // Of a task that was never started there is only what the OCI runtime waits in, which is not the task's.
  return init && init.status !== Status.STOPPED && init.status !== Status.CREATED ? [init.pid] : [];
}

function rigConfig(fake: FakeContainerd, dir: string, more: string): Config {
  const paths = { root: 'root', state: 'state', cri_root: 'cri-root', cri_state: 'cri-state' };
  const lines = Object.entries(paths).map(([key, name]) => `${key} = "${join(dir, name)}"`);
  return parseConfig([...lines, more].join('\n'), { containerd: fake.address });
}
