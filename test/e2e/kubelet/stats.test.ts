import { until } from '../../support/daemon/process';
import { readCgroupFile } from '../../support/kubelet/cgroup';
import {
  fetched,
  fullName,
  infra,
  type KubeletNode,
  putPod,
  ready,
  startKubeletNode,
} from '../../support/kubelet/kubelet-node';
import { podManifest, shell, web } from '../../support/kubelet/manifest';
import { containerOf, criId } from '../../support/kubelet/pod-view';
import type { ContainerStatsView, PodStatsView, Summary } from '../../support/kubelet/summary';

const SECOND = 1000;
const MEBIBYTE = 1 << 20;
/**
 * cAdvisor looks at a container every ten to fifteen seconds, and needs two looks for a rate. A container whose task is
 * not there three seconds after its cgroup is found by its look at all cgroups, once a minute.
 */
const LOOKED = 150 * SECOND;
const WORK = `
trap 'exit 0' TERM
dd if=/dev/zero of=/memory/file bs=1M count=20 2>/dev/null
dd if=/dev/zero of=/written bs=1M count=10 2>/dev/null
head -c 300000 /dev/zero | tr '\\0' 'x' | fold -w 99
while true; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; usleep 10000; done`;

let node: KubeletNode;

beforeAll(async () => {
  node = await startKubeletNode({ crisp: { stats_collect_period: 1 }, kubelet: { volumeStatsAggPeriod: '5s' } });
  const mounted = { volumeMounts: [{ name: 'memory', mountPath: '/memory' }] };
  putPod(
    node,
    podManifest('main', [shell('busy', WORK, mounted), web('web')], {
      volumes: [{ name: 'memory', emptyDir: { medium: 'Memory' } }],
    }),
  );
  await ready(node, 'main');
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

const mainOf = (summary: Summary): PodStatsView | undefined =>
  summary.pods.find(({ podRef }) => podRef.name === fullName(node, 'main'));
const busyOf = (pod: PodStatsView | undefined): ContainerStatsView | undefined =>
  pod?.containers.find(({ name }) => name === 'busy');

/** The summary, once what was written and burnt can be seen in it. */
async function settled(): Promise<Summary> {
  let summary = await node.api.summary();
  await until('the busy container is seen to be busy', LOOKED, async () => {
    summary = await node.api.summary();
    const pod = mainOf(summary);
    const busy = busyOf(pod);
    return [
      (busy?.rootfs?.usedBytes ?? 0) >= 10 * MEBIBYTE,
      (busy?.memory?.usageBytes ?? 0) >= 20 * MEBIBYTE,
      (busy?.cpu?.usageNanoCores ?? 0) > 0,
      (pod?.cpu?.usageNanoCores ?? 0) > 0,
      pod?.process_stats !== undefined,
      (busy?.logs?.usedBytes ?? 0) >= 300_000,
      (pod?.['ephemeral-storage']?.usedBytes ?? 0) >= 10 * MEBIBYTE,
      (pod?.volume?.find(({ name }) => name === 'memory')?.usedBytes ?? 0) >= 20 * MEBIBYTE,
      (pod?.containers.find(({ name }) => name === 'web')?.memory?.workingSetBytes ?? 0) > 0,
      pod?.containers.length === 2,
    ].every(Boolean);
  });
  return summary;
}

/** What the kernel has counted for the container, in nanoseconds. */
async function cpuOfBusy(): Promise<number> {
  const pod = await ready(node, 'main');
  const own = `${node.kubelet.cgroup}/kubepods/besteffort/pod${pod.metadata.uid}/${criId(containerOf(pod, 'busy'))}`;
  const v1 = readCgroupFile(own, 'cpuacct.usage');
  return v1 === undefined
    ? 1000 * Number(/usage_usec (\d+)/.exec(readCgroupFile(own, 'cpu.stat') ?? '')?.[1])
    : Number(v1);
}

async function talk(): Promise<void> {
  const { status } = await ready(node, 'main');
  for (let i = 0; i < 100; i++) await (await fetched(`http://${status.podIP}/`)).text();
}

/** Any number from one to another. */
const between = (least: number, most: number) => ({
  $$typeof: Symbol.for('jest.asymmetricMatcher'),
  asymmetricMatch: (value: unknown) => typeof value === 'number' && value >= least && value <= most,
  toString: () => 'Between',
  toAsymmetricMatcher: () => `a number from ${least} to ${most}`,
});

/** What is true of the pod whoever counted. */
async function holdsSensibleNumbers(): Promise<void> {
  await talk();
  const summary = await settled();
  const kernel = await cpuOfBusy();
  const pod = mainOf(summary);
  const busy = busyOf(pod);
  expect(busy).toMatchObject({
    cpu: { usageNanoCores: between(1e6, 1.1e9), usageCoreNanoSeconds: between(1e6, kernel) },
    memory: {
      usageBytes: between(20 * MEBIBYTE, 60 * MEBIBYTE),
      workingSetBytes: between(20 * MEBIBYTE, 60 * MEBIBYTE),
    },
    rootfs: { usedBytes: between(10 * MEBIBYTE, 12 * MEBIBYTE), inodesUsed: between(1, 100) },
    logs: { usedBytes: between(300_000, 600_000) },
  });
  const web = pod?.containers.find(({ name }) => name === 'web');
  expect(web?.memory?.workingSetBytes).toEqual(between(100_000, 20 * MEBIBYTE));
  expect(pod).toMatchObject({
    cpu: { usageNanoCores: between(1e6, 1.2e9) },
    memory: { workingSetBytes: between(20 * MEBIBYTE, 80 * MEBIBYTE) },
    process_stats: { process_count: between(1, 20) },
    'ephemeral-storage': { usedBytes: between(10 * MEBIBYTE, 14 * MEBIBYTE) },
  });
  const volume = pod?.volume?.find(({ name }) => name === 'memory');
  expect(volume?.usedBytes).toEqual(between(20 * MEBIBYTE, 21 * MEBIBYTE));
  expect(summary.node.runtime?.imageFs).toMatchObject({
    usedBytes: between(5 * MEBIBYTE, 500 * MEBIBYTE),
    capacityBytes: expect.any(Number),
  });
}

async function networkIsCounted(): Promise<void> {
  await until('the network is counted', LOOKED, async () => {
    await talk();
    const { rxBytes = 0, txBytes = 0 } = mainOf(await node.api.summary())?.network ?? {};
    return rxBytes > 10_000 && txBytes > 10_000;
  });
  expect(mainOf(await node.api.summary())?.network?.name).toBe('eth0');
}

/** For whom has seen all else, there is no network. */
async function networkIsNotCounted(): Promise<void> {
  await talk();
  const pod = mainOf(await settled());
  expect(pod).toBeDefined();
  expect(pod?.network).toBeUndefined();
  const lines = (await node.api.text('/metrics/cadvisor')).split('\n');
  const ours = lines.filter((line) => line.includes(`pod="${fullName(node, 'main')}"`));
  expect(ours.filter((line) => line.startsWith('container_cpu_'))).not.toEqual([]);
  expect(ours.filter((line) => line.startsWith('container_network_'))).toEqual([]);
}

/** The labels and value of one of cAdvisor's metrics, for the busy container. */
async function metricOfBusy(metric: string): Promise<number | undefined> {
  const lines = (await node.api.text('/metrics/cadvisor')).split('\n');
  const ours = lines.find(
    (line) =>
      line.startsWith(`${metric}{`) &&
      line.includes('container="busy"') &&
      line.includes(`pod="${fullName(node, 'main')}"`),
  );
  return ours === undefined ? undefined : Number(/\} (\S+)/.exec(ours)?.[1]);
}

async function metricsNameTheContainer(): Promise<void> {
  const memory = 'container_memory_working_set_bytes';
  await until('its memory is counted', LOOKED, async () => ((await metricOfBusy(memory)) ?? 0) >= 20 * MEBIBYTE);
  expect(await metricOfBusy(memory)).toEqual(between(20 * MEBIBYTE, 60 * MEBIBYTE));
  const cpu = await metricOfBusy('container_cpu_usage_seconds_total');
  expect(cpu).toEqual(between(0.001, (await cpuOfBusy()) / 1e9));
}

// File systems are crisp's numbers then; CPU and memory too until cAdvisor has looked, which counts all else by itself.
describe("kubelet's stats of pods, counted by cAdvisor", () => {
  it('are sensible for containers, pod, volumes and image file system', holdsSensibleNumbers, 250 * SECOND);

  // cAdvisor takes it from a process of the pod's pause container: docs/adr/0009-pods-without-pause.md.
  if (infra() === 'auto') it("have no figures of the pod's network", networkIsNotCounted, 250 * SECOND);
  else it("count the pod's network", networkIsCounted, 200 * SECOND);

  it('name the container in /metrics/cadvisor', metricsNameTheContainer, 200 * SECOND);
});

// All of a pod's and its containers' numbers are crisp's then.
describe("kubelet's stats of pods, asked of crisp", () => {
  beforeAll(async () => {
    await node.kubelet.stop();
    await node.kubelet.start({ featureGates: { PodAndContainerStatsFromCRI: true } });
  }, 60 * SECOND);

  it('are sensible for containers, pod, volumes and image file system', holdsSensibleNumbers, 250 * SECOND);

  it("count the pod's network", networkIsCounted, 200 * SECOND);

  it('name the container in /metrics/cadvisor', metricsNameTheContainer, 200 * SECOND);
});
