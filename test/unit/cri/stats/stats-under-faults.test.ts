import { Metrics } from '../../../../generated/cgroups/v3/cgroup2/stats/metrics';
import type {
  ContainerStats,
  FilesystemUsage,
  PodSandboxMetrics,
  PodSandboxStats,
} from '../../../../generated/cri/v1/api';
import type { CriDeps } from '../../../../src/cri/deps';
import { imageFsInfo } from '../../../../src/cri/image/image-fs-info';
import { listContainerStats } from '../../../../src/cri/stats/list-container-stats';
import { listPodSandboxMetrics } from '../../../../src/cri/stats/list-pod-sandbox-metrics';
import { listPodSandboxStats } from '../../../../src/cri/stats/list-pod-sandbox-stats';
import type { CgroupValues } from '../../../../src/model/cgroup-values';
import type { Container } from '../../../../src/model/container';
import { StatsSampler } from '../../../../src/monitor/stats-sampler';
import { until } from '../../../support/daemon/process';
import { runContainer, runPod } from '../../../support/story-pods';
import { useRig } from '../../../support/use-rig';

const TWO_SNAPSHOTTERS = `
[containerd.runtimes.block]
runtime_type = "io.containerd.runc.v2"
snapshotter = "devmapper"
`;
const SMALL = { size: 4096n, inodes: 1n };
const BIG = { size: 1_000_000n, inodes: 100n };
const LONG_MS = 20_000;
/** No answer takes longer, whatever hangs; the time itself is not the point, only that it has an end. */
const BOUND_MS = 30_000;

// Before the rig's own, which looks for what is left.
afterEach(() => {
  sampler.stop();
  rig.now.fake.state.snapshots.delete('devmapper volume');
});
const rig = useRig({ config: TWO_SNAPSHOTTERS });
let sampler: StatsSampler;
let deps: CriDeps;
let sick: Container;
let well: Container;

/** Each of two pods has a cgroup and a container, and a volume on devices is there as well. */
beforeEach(async () => {
  sick = await runContainer(rig.now, await runPod(rig.now, podOf('sick')));
  well = await runContainer(rig.now, await runPod(rig.now, podOf('well')));
  const now = rig.now.fake.world.now();
  const info = { name: 'volume', parent: '', kind: 2, labels: {}, createdAt: now, updatedAt: now };
  rig.now.fake.state.snapshots.set('devmapper volume', info);
  use(5n);
  sampler = new StatsSampler(rig.now.deps, { periodMs: 50 });
  deps = { ...rig.now.deps, stats: sampler };
});

const podOf = (name: string) => ({
  metadata: { name, namespace: 'shop', uid: name },
  linux: { cgroupParent: `/kubepods/${name}` },
});
const idOf = ({ metadata }: Container): string => metadata.id;
const bytesOf = (value: bigint): Buffer =>
  Buffer.from(Metrics.encode(Metrics.fromPartial({ memory: { usage: value }, cpu: { usageUsec: value } })).finish());

/** What all cgroups and shims say that they use from now on. */
function use(memory: bigint): void {
  const values: CgroupValues = { memory: { usage: memory } };
  for (const name of ['sick', 'well']) rig.now.host.cgroups.set(`/kubepods/${name}`, values);
  for (const container of [sick, well]) {
    rig.now.fake.world.metrics.set(idOf(container), {
      typeUrl: 'io.containerd.cgroups.v2.Metrics',
      value: bytesOf(memory),
    });
  }
}

/** Everything that was written to since is bigger from now on. */
function grow(): void {
  for (const key of [idOf(sick), idOf(well), 'volume']) rig.now.fake.world.snapshotUsage.set(key, BIG);
  use(50n);
}

interface Told {
  readonly containers: Map<string, ContainerStats>;
  readonly pods: Map<string, PodSandboxStats>;
  readonly metrics: Map<string, PodSandboxMetrics>;
  readonly filesystems: FilesystemUsage[];
}

/** All that kubelet asks for, in a bounded time. */
async function ask(): Promise<Told> {
  const started = performance.now();
  const [containers, pods, metrics, filesystems] = await Promise.all([
    listContainerStats(deps, { filter: undefined }, rig.now.call()),
    listPodSandboxStats(deps, { filter: undefined }, rig.now.call()),
    listPodSandboxMetrics(deps, {}, rig.now.call()),
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

const layer = (told: Told, container: Container) => told.containers.get(idOf(container))?.writableLayer;
const memory = (told: Told, container: Container) => told.containers.get(idOf(container))?.memory;
const podMemory = (told: Told, container: Container) => told.pods.get(container.metadata.sandboxId)?.linux?.memory;
const metric = (told: Told, { metadata }: Container, name: string) =>
  told.metrics
    .get(metadata.sandboxId)
    ?.containerMetrics.find(({ containerId }) => containerId === metadata.id)
    ?.metrics.find((each) => each.name === name);

const timeOf = (told: Told, at = 0): bigint => told.filesystems[at]?.timestamp ?? 0n;

/** What is told when a round more has measured the snapshotter at `at`. */
async function afterRound(at = 0): Promise<Told> {
  let told = await ask();
  const before = timeOf(told, at);
  await until('another round is over', LONG_MS, async () => {
    told = await ask();
    return timeOf(told, at) > before;
  });
  return told;
}

/**
 * What is told with the fault, of values that were measured before it, and once what has grown since is seen. `rounds`: the
 * filesystem by whose time rounds are told apart.
 */
async function beforeAndAfter(
  fault: () => void,
  isSeen: (told: Told, before: Told) => boolean,
  rounds = 0,
): Promise<[Told, Told]> {
  sampler.start();
  await until('all is measured', LONG_MS, async () => {
    const told = await ask();
    return [sick, well].every((container) => layer(told, container)?.usedBytes?.value === SMALL.size);
  });
  fault();
  // What was asked before the fault is answered once the round after the present one has ended.
  await afterRound(rounds);
  const before = await afterRound(rounds);
  grow();
  let after = before;
  await until('what can be measured is', LONG_MS, async () => {
    after = await ask();
    return isSeen(after, before);
  });
  return [before, after];
}

const wellLayerIsBig = (told: Told): boolean => layer(told, well)?.usedBytes?.value === BIG.size;
const oneOfOverlayfsIsBig = (told: Told): boolean => told.filesystems[0]?.usedBytes?.value === sumOfOverlayfs(1n);
const total = (): bigint =>
  BigInt([...rig.now.fake.state.snapshots.keys()].filter((at) => at.startsWith('overlayfs ')).length);
const sumOfOverlayfs = (big: bigint): bigint => (total() - big) * SMALL.size + big * BIG.size;
const ofSick = ({ key }: Readonly<Record<string, unknown>>): boolean => key === idOf(sick);

describe('A snapshot that cannot be measured', () => {
  it.each([
    ['fails', {}],
    ['hangs', { hang: true }],
  ])('hides no other when its measurement %s, and is told as it was last, with the time of that', async (_how, how) => {
    const fault = (): void => rig.now.fake.fail('Snapshots/Usage', { nth: 'always', when: ofSick, ...how });
    // kubelet evicts for lack of disk only by what is newer than what it saw last.
    const isNewer = (told: Told, old: Told): boolean => timeOf(told) > timeOf(old);
    const [before, after] = await beforeAndAfter(fault, (told, old) => {
      return wellLayerIsBig(told) && oneOfOverlayfsIsBig(told) && isNewer(told, old);
    });
    expect(layer(after, sick)).toEqual(layer(before, sick));
    expect(metric(after, sick, 'container_memory_usage_bytes')?.value?.value).toBe(50n);
    expect(layer(after, well)?.timestamp).toBeGreaterThan(layer(before, well)?.timestamp ?? 0n);
    expect(after.filesystems[1]?.usedBytes?.value).toBe(BIG.size);
    expect([...after.pods.keys()].sort()).toEqual([sick, well].map(({ metadata }) => metadata.sandboxId).sort());
  });

  it('is measured again once that works, without a restart', async () => {
    const fault = (): void => rig.now.fake.fail('Snapshots/Usage', { nth: 'always', when: ofSick });
    const [before] = await beforeAndAfter(fault, wellLayerIsBig);
    rig.now.heal();
    await until('it is measured', LONG_MS, async () => layer(await ask(), sick)?.usedBytes?.value === BIG.size);
    expect(layer(await ask(), sick)?.timestamp).toBeGreaterThan(layer(before, sick)?.timestamp ?? 0n);
  });

  it('does not hold up the first ImageFsInfo after a start, nor do many of them', async () => {
    const healthy = idOf(well);
    rig.now.fake.fail('Snapshots/Usage', { nth: 'always', when: ({ key }) => key !== healthy, hang: true });
    const { filesystems } = await ask();
    expect(filesystems.map(({ usedBytes }) => usedBytes?.value)).toEqual([SMALL.size, 0n]);
    expect(filesystems[0]?.timestamp).toBeGreaterThan(0n);
  });
});

describe('A snapshotter that cannot list its snapshots', () => {
  it.each([
    ['overlayfs', 'fails', {}],
    ['overlayfs', 'hangs', { hang: true }],
    ['devmapper', 'fails', {}],
    ['devmapper', 'hangs', { hang: true }],
  ])('hides no other: %s, which %s, is told as it was last', async (snapshotter, _how, how) => {
    const when = (req: Readonly<Record<string, unknown>>): boolean => req.snapshotter === snapshotter;
    const [mine, others] = snapshotter === 'overlayfs' ? [0, 1] : [1, 0];
    const fault = (): void => rig.now.fake.fail('Snapshots/List', { nth: 'always', when, ...how });
    const othersAreBig = (told: Told): boolean => (told.filesystems[others]?.usedBytes?.value ?? 0n) >= BIG.size;
    const isSeen = (told: Told): boolean => wellLayerIsBig(told) && othersAreBig(told);
    const [before, after] = await beforeAndAfter(fault, isSeen, others);
    expect(after.filesystems[mine]?.fsId).toEqual(before.filesystems[mine]?.fsId);
    expect(after.filesystems[mine]?.usedBytes?.value).toBeGreaterThanOrEqual(SMALL.size);
    expect(timeOf(await afterRound(others), mine)).toBe(timeOf(before, mine));
  });

  it('is left out while it has never told them, and the others are there', async () => {
    rig.now.fake.fail('Snapshots/List', { nth: 'always', when: ({ snapshotter }) => snapshotter === 'devmapper' });
    expect((await ask()).filesystems.map(({ usedBytes }) => usedBytes?.value)).toEqual([sumOfOverlayfs(0n)]);
  });
});

describe('A shim, a cgroup or a network namespace that cannot be asked', () => {
  const wellUsesMore = (told: Told): boolean =>
    memory(told, well)?.usageBytes?.value === 50n && podMemory(told, well)?.usageBytes?.value === 50n;

  it.each([
    ['fails', {}],
    ['hangs', { hang: true }],
  ])('hides no other when the shim %s: its container is told as it was last', async (_how, how) => {
    const when = ({ filters }: Readonly<Record<string, unknown>>): boolean => String(filters).includes(idOf(sick));
    const fault = (): void => rig.now.fake.fail('Tasks/Metrics', { nth: 'always', when, ...how });
    const [before, after] = await beforeAndAfter(fault, wellUsesMore);
    expect(memory(after, sick)).toMatchObject({
      timestamp: memory(before, sick)?.timestamp,
      usageBytes: { value: 5n },
    });
    expect(metric(after, sick, 'container_memory_usage_bytes')?.value?.value).toBe(5n);
    expect(metric(after, well, 'container_memory_usage_bytes')?.value?.value).toBe(50n);
    expect(podMemory(after, sick)?.usageBytes?.value).toBe(50n);
    expect(after.pods.get(sick.metadata.sandboxId)?.linux?.containers).toHaveLength(1);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('EIO'))],
    ['hangs', () => new Promise<never>(() => undefined)],
  ])('hides no other when the cgroup of a pod %s: the pod is told as it was last', async (_how, how) => {
    const { host } = rig.now;
    const fault = (): void => {
      host.cgroupValues = async (path) => (path === '/kubepods/sick' ? how() : host.cgroups.get(path));
    };
    const [before, after] = await beforeAndAfter(fault, wellUsesMore);
    expect(podMemory(after, sick)).toMatchObject({
      timestamp: podMemory(before, sick)?.timestamp,
      usageBytes: { value: 5n },
    });
    expect(memory(after, sick)?.usageBytes?.value).toBe(50n);
    expect(after.metrics.size).toBe(2);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('EIO'))],
    ['hangs', () => new Promise<never>(() => undefined)],
  ])('hides no other when the network of pods %s: it is told as it was last, all else as it is', async (_how, how) => {
    const zero = { rxPackets: 0n, rxErrors: 0n, rxDropped: 0n, txPackets: 0n, txErrors: 0n, txDropped: 0n };
    rig.now.host.netDevs.push({ name: 'eth0', rxBytes: 7n, txBytes: 8n, ...zero });
    const fault = (): void => {
      rig.now.host.netDevOfPid = how;
    };
    const network = (told: Told) => told.pods.get(well.metadata.sandboxId)?.linux?.network;
    const received = (told: Told) =>
      told.metrics
        .get(well.metadata.sandboxId)
        ?.metrics.find(({ name }) => name === 'container_network_receive_bytes_total');
    const [before, after] = await beforeAndAfter(fault, wellUsesMore);
    expect(network(before)?.defaultInterface?.rxBytes?.value).toBe(7n);
    expect(network(after)).toEqual(network(before));
    expect(received(after)).toEqual(received(before));
  });
});

describe('What lies around the measurements', () => {
  it('hides nothing when containerd does not tell where a snapshotter keeps its files', async () => {
    rig.now.fake.fail('Introspection/Plugins', { nth: 'always', hang: true });
    const told = await ask();
    expect(told.filesystems).toHaveLength(2);
    expect(told.containers.size).toBe(2);
    rig.now.heal();
  });

  it('hides nothing when the filesystem below a snapshotter hangs', async () => {
    rig.now.host.filesystemAt = () => new Promise<never>(() => undefined);
    expect(metric(await ask(), well, 'container_memory_usage_bytes')?.value?.value).toBe(5n);
  });
});
