import { Metrics } from '../../generated/cgroups/v3/cgroup2/stats/metrics';
import type {
  ContainerStats,
  FilesystemUsage,
  MemoryUsage,
  Metric,
  PodSandboxMetrics,
  PodSandboxStats,
} from '../../generated/cri/v1/api';
import type { CriDeps } from '../../src/cri/deps';
import { imageFsInfo } from '../../src/cri/image/image-fs-info';
import { listContainerStats } from '../../src/cri/stats/list-container-stats';
import { listPodSandboxMetrics } from '../../src/cri/stats/list-pod-sandbox-metrics';
import { listPodSandboxStats } from '../../src/cri/stats/list-pod-sandbox-stats';
import type { CgroupValues } from '../../src/model/cgroup-values';
import type { Container } from '../../src/model/container';
import { StatsSampler } from '../../src/sampler/stats-sampler';
import { until } from './daemon/process';
import { runContainer, runPod } from './story-pods';
import type { StoryRig } from './story-rig';
import { useRig } from './use-rig';

const TWO_SNAPSHOTTERS = `
[containerd.runtimes.block]
runtime_type = "io.containerd.runc.v2"
snapshotter = "devmapper"
`;
/** What a snapshot takes before and after it has grown. */
export const SMALL = { size: 4096n, inodes: 1n };
export const BIG = { size: 1_000_000n, inodes: 100n };
const LONG_MS = 20_000;
/** No answer takes longer, whatever hangs; the time itself is not the point, only that it has an end. */
const BOUND_MS = 30_000;

/** All that kubelet is told; containers and pods by their ids. */
export interface Told {
  readonly containers: Map<string, ContainerStats>;
  readonly pods: Map<string, PodSandboxStats>;
  readonly metrics: Map<string, PodSandboxMetrics>;
  readonly filesystems: FilesystemUsage[];
}

/** When the snapshotter at `at` was measured. */
export const timeOf = (told: Told, at = 0): bigint => told.filesystems[at]?.timestamp ?? 0n;

/** The writable layer of a container. */
export const layerOf = (told: Told, { metadata }: Container): FilesystemUsage | undefined =>
  told.containers.get(metadata.id)?.writableLayer;

export const memoryOf = (told: Told, { metadata }: Container): MemoryUsage | undefined =>
  told.containers.get(metadata.id)?.memory;

/** Memory of the pod that a container is in. */
export const podMemoryOf = (told: Told, { metadata }: Container): MemoryUsage | undefined =>
  told.pods.get(metadata.sandboxId)?.linux?.memory;

/** One metric of a container. */
export const metricOf = (told: Told, { metadata }: Container, name: string): Metric | undefined =>
  told.metrics
    .get(metadata.sandboxId)
    ?.containerMetrics.find(({ containerId }) => containerId === metadata.id)
    ?.metrics.find((each) => each.name === name);

/** Two pods, each with a cgroup and a container, a volume of another snapshotter, and a sampler that a test starts. */
export class StatsBench {
  readonly sampler: StatsSampler;
  private readonly deps: CriDeps;

  private constructor(
    readonly rig: StoryRig,
    /** The container that a test makes trouble for. */
    readonly sick: Container,
    readonly well: Container,
  ) {
    const now = rig.fake.world.now();
    const info = { name: 'volume', parent: '', kind: 2, labels: {}, createdAt: now, updatedAt: now };
    rig.fake.state.snapshots.set('devmapper volume', info);
    this.use(5n);
    this.sampler = new StatsSampler(rig.deps, { periodMs: 50 });
    this.deps = { ...rig.deps, stats: this.sampler };
  }

  static async start(rig: StoryRig): Promise<StatsBench> {
    const run = async (name: string): Promise<Container> => {
      const metadata = { name, namespace: 'shop', uid: name };
      return runContainer(rig, await runPod(rig, { metadata, linux: { cgroupParent: `/kubepods/${name}` } }));
    };
    return new StatsBench(rig, await run('sick'), await run('well'));
  }

  stop(): void {
    this.sampler.stop();
    this.rig.fake.state.snapshots.delete('devmapper volume');
  }

  /** All that kubelet asks for, in a bounded time. */
  async ask(): Promise<Told> {
    const { deps } = this;
    const started = performance.now();
    const [containers, pods, metrics, filesystems] = await Promise.all([
      listContainerStats(deps, { filter: undefined }, this.rig.call()),
      listPodSandboxStats(deps, { filter: undefined }, this.rig.call()),
      listPodSandboxMetrics(deps, {}, this.rig.call()),
      imageFsInfo(deps),
    ]);
    expect(performance.now() - started).toBeLessThan(BOUND_MS);
    return {
      containers: new Map(containers.stats.map((each) => [each.attributes?.id ?? '', each])),
      pods: new Map(pods.stats.map((each) => [each.attributes?.id ?? '', each])),
      metrics: new Map(metrics.podMetrics.map((each) => [each.podSandboxId, each])),
      filesystems: filesystems.imageFilesystems,
    };
  }

  /** What is told as soon as it is so. On a slow machine a healthy thing may be late as well, for a while. */
  async told(what: string, isSo: (told: Told) => boolean): Promise<Told> {
    let told: Told | undefined;
    await until(what, LONG_MS, async () => {
      told = await this.ask().catch(() => undefined);
      return told !== undefined && isSo(told);
    });
    if (!told) throw new Error(what);
    return told;
  }

  /** What is told once a round has begun and ended; rounds are told apart by the time of the snapshotter at `at`. */
  async afterRound(at = 0): Promise<Told> {
    let told = await this.told('there are figures', () => true);
    // What was asked before is answered when the round under way has ended: the one behind it is the one.
    for (let rounds = 0; rounds < 2; rounds++) {
      const before = timeOf(told, at);
      told = await this.told('another round is over', (now) => timeOf(now, at) > before);
    }
    return told;
  }

  /**
   * What is told under a fault, of what was measured before it, and then once everything has grown, another round is over and
   * `isSeen` holds. `at`: the snapshotter by which rounds are told apart.
   */
  async beforeAndAfter(fault: () => void, isSeen: (told: Told) => boolean, at = 0): Promise<[Told, Told]> {
    this.sampler.start();
    await this.told('all is measured', (told) =>
      [this.sick, this.well].every((container) => layerOf(told, container)?.usedBytes?.value === SMALL.size),
    );
    fault();
    const before = await this.afterRound(at);
    for (const key of [this.sick.metadata.id, this.well.metadata.id, 'volume']) {
      this.rig.fake.world.snapshotUsage.set(key, BIG);
    }
    this.use(50n);
    await this.afterRound(at);
    return [before, await this.told('what can be measured is', isSeen)];
  }

  /** What overlayfs takes when `big` of its snapshots have grown. */
  sumOfOverlayfs(big: bigint): bigint {
    const all = [...this.rig.fake.state.snapshots.keys()].filter((at) => at.startsWith('overlayfs '));
    return (BigInt(all.length) - big) * SMALL.size + big * BIG.size;
  }

  /** What all cgroups and shims say that they use from now on. */
  private use(memory: bigint): void {
    const values: CgroupValues = { memory: { usage: memory } };
    const metrics = Metrics.fromPartial({ memory: { usage: memory }, cpu: { usageUsec: memory } });
    const value = Buffer.from(Metrics.encode(metrics).finish());
    for (const name of ['sick', 'well']) this.rig.host.cgroups.set(`/kubepods/${name}`, values);
    for (const { metadata } of [this.sick, this.well]) {
      this.rig.fake.world.metrics.set(metadata.id, { typeUrl: 'io.containerd.cgroups.v2.Metrics', value });
    }
  }
}

/** A fresh bench for each test of a file. */
export function useStatsBench(): { readonly now: StatsBench } {
  let bench: StatsBench | undefined;
  // Before that of the rig, which looks for what is left.
  afterEach(() => bench?.stop());
  const rig = useRig({ config: TWO_SNAPSHOTTERS });
  beforeEach(async () => {
    bench = await StatsBench.start(rig.now);
  });
  return {
    get now() {
      if (!bench) throw new Error('there is a bench only while a test runs');
      return bench;
    },
  };
}
