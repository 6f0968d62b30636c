import { Metrics } from '../../../../generated/cgroups/v3/cgroup2/stats/metrics';
import {
  ContainerStatsFilter,
  type DeepPartial,
  NamespaceMode,
  PodSandboxStatsFilter,
  StreamContainerStatsResponse,
  StreamPodSandboxMetricsResponse,
  StreamPodSandboxStatsResponse,
} from '../../../../generated/cri/v1/api';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { containerStats } from '../../../../src/cri/stats/container-stats';
import { listContainerStats } from '../../../../src/cri/stats/list-container-stats';
import { listMetricDescriptors } from '../../../../src/cri/stats/list-metric-descriptors';
import { listPodSandboxMetrics } from '../../../../src/cri/stats/list-pod-sandbox-metrics';
import { listPodSandboxStats } from '../../../../src/cri/stats/list-pod-sandbox-stats';
import { podSandboxStats } from '../../../../src/cri/stats/pod-sandbox-stats';
import { streamContainerStats } from '../../../../src/cri/stats/stream-container-stats';
import { streamPodSandboxMetrics } from '../../../../src/cri/stats/stream-pod-sandbox-metrics';
import { streamPodSandboxStats } from '../../../../src/cri/stats/stream-pod-sandbox-stats';
import { Code } from '../../../../src/rpc/code';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { useRig } from '../../../support/use-rig';
import { collect, collectDecoded } from '../../rpc/rpc-rig';

const rig = useRig();
const PARENT = '/kubepods/pod1';

/** What the shim of a container tells from now on. */
function uses(id: string, metrics: DeepPartial<Metrics>): void {
  const value = Buffer.from(Metrics.encode(Metrics.fromPartial(metrics)).finish());
  rig.now.fake.world.metrics.set(id, { typeUrl: 'io.containerd.cgroups.v2.Metrics', value });
}

const BUSY: DeepPartial<Metrics> = {
  cpu: { usageUsec: 7n },
  memory: { usage: 500n, inactiveFile: 100n, usageLimit: 1000n },
};
const stats = (containerId: string) => containerStats(rig.now.deps, { containerId }, rig.now.call());

async function listed(filter?: DeepPartial<ContainerStatsFilter>): Promise<(string | undefined)[]> {
  const request = { filter: filter && ContainerStatsFilter.fromPartial(filter) };
  const { stats: found } = await listContainerStats(rig.now.deps, request, rig.now.call());
  const streamed = await collectDecoded(
    streamContainerStats(rig.now.deps, request, rig.now.call()),
    StreamContainerStatsResponse,
  );
  const ids = found.map(({ attributes }) => attributes?.id);
  expect(streamed.flatMap((message) => message.containerStats).map(({ attributes }) => attributes?.id)).toEqual(ids);
  return ids;
}

describe('ContainerStats', () => {
  it('tells what a running container uses, and who it is', async () => {
    const { metadata } = await runContainer(rig.now, await runPod(rig.now), {
      labels: { a: 'b' },
      annotations: { c: 'd' },
    });
    uses(metadata.id, BUSY);
    const { stats: found } = await stats(metadata.id.slice(0, 12));
    expect(found).toMatchObject({
      attributes: { id: metadata.id, metadata: { name: 'app' }, labels: { a: 'b' }, annotations: { c: 'd' } },
      cpu: { usageCoreNanoSeconds: { value: 7000n } },
      memory: { workingSetBytes: { value: 400n }, availableBytes: { value: 600n }, usageBytes: { value: 500n } },
      writableLayer: { fsId: { mountpoint: `${rig.now.fake.dir}/snapshots/overlayfs` }, usedBytes: { value: 0n } },
    });
    expect(found?.cpu?.usageNanoCores).toBeUndefined();
  });

  it('reads what one uses for each answer: whoever computes a rate needs two that differ', async () => {
    const { metadata } = await runContainer(rig.now, await runPod(rig.now));
    uses(metadata.id, BUSY);
    const { stats: first } = await stats(metadata.id);
    uses(metadata.id, { ...BUSY, cpu: { usageUsec: 8n } });
    const { stats: second } = await stats(metadata.id);
    expect(second?.cpu?.usageCoreNanoSeconds?.value).toBe(8000n);
    expect(second?.cpu?.timestamp).toBeGreaterThan(first?.cpu?.timestamp ?? 0n);
    expect(second?.memory?.timestamp).toBeGreaterThan(first?.memory?.timestamp ?? 0n);
  });

  it('tells of one that does not run who it is and what its layer takes', async () => {
    const { metadata } = await makeContainer(rig.now, await runPod(rig.now));
    const { stats: found } = await stats(metadata.id);
    expect(found).toEqual({
      attributes: expect.objectContaining({ id: metadata.id }),
      writableLayer: expect.objectContaining({ usedBytes: { value: 0n } }),
    });
  });

  it('refuses an id that nobody has, and none', async () => {
    await expect(stats('absent')).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(stats('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});

describe('ListContainerStats, and its stream', () => {
  it('lists what all parts of a filter let through', async () => {
    const web = await runPod(rig.now);
    const db = await runPod(rig.now, { metadata: { name: 'db', namespace: 'db', uid: 'db' } });
    const a = (await runContainer(rig.now, web, { labels: { part: 'a' } })).metadata.id;
    const b = (await makeContainer(rig.now, db, { labels: { part: 'b' } })).metadata.id;
    expect((await listed()).sort()).toEqual([a, b].sort());
    expect(await listed({ id: a.slice(0, 10) })).toEqual([a]);
    expect(await listed({ podSandboxId: db })).toEqual([b]);
    expect(await listed({ labelSelector: { part: 'b' } })).toEqual([b]);
    expect(await listed({ podSandboxId: web, labelSelector: { part: 'b' } })).toEqual([]);
    expect(await listed({ id: 'absent' })).toEqual([]);
  });

  it('costs a container whose shim does not answer its own figures, and no other', async () => {
    const pod = await runPod(rig.now);
    const good = (await runContainer(rig.now, pod)).metadata.id;
    await runContainer(rig.now, pod, { metadata: { name: 'b' } });
    uses(good, BUSY);
    rig.now.fake.fail('Tasks/Metrics', { nth: 2, hang: true });
    const { stats: found } = await listContainerStats(rig.now.deps, { filter: undefined }, rig.now.call());
    expect(found.map(({ memory }) => memory !== undefined).sort()).toEqual([false, true]);
  });

  it('tells of a container whose shim hangs what it used last, and when, without waiting for it again', async () => {
    const pod = await runPod(rig.now);
    const { id } = (await runContainer(rig.now, pod)).metadata;
    uses(id, BUSY);
    const ask = async () => {
      const { stats: found } = await listContainerStats(rig.now.deps, { filter: undefined }, rig.now.call());
      return found.map(({ cpu, memory }) => ({ cpu, memory }));
    };
    const before = await ask();
    expect(before[0]?.memory).toBeDefined();
    rig.now.fake.fail('Tasks/Metrics', { nth: 'always', hang: true });
    expect(await ask()).toEqual(before);
    const started = performance.now();
    for (let times = 0; times < 20; times += 1) expect(await ask()).toEqual(before);
    expect(performance.now() - started).toBeLessThan(10_000); // a wait each time would be twenty seconds
  });
});

describe('PodSandboxStats', () => {
  const ask = (podSandboxId: string) => podSandboxStats(rig.now.deps, { podSandboxId }, rig.now.call());

  it('tells what the cgroup of a pod uses, its network and its containers', async () => {
    rig.now.host.cgroups.set(PARENT, { cpu: { usageNs: 9n }, memory: { usage: 700n }, pids: { current: 3n } });
    const counters = {
      rxBytes: 5n,
      rxPackets: 0n,
      rxErrors: 1n,
      rxDropped: 0n,
      txBytes: 6n,
      txPackets: 0n,
      txErrors: 2n,
      txDropped: 0n,
    };
    rig.now.host.netDevs.push({ name: 'eth0', ...counters }, { name: 'lo', ...counters });
    const pod = await runPod(rig.now, { labels: { tier: 'front' }, linux: { cgroupParent: PARENT } });
    const { metadata } = await runContainer(rig.now, pod);
    const { stats: found } = await ask(pod);
    expect(found).toMatchObject({
      attributes: { id: pod, labels: { tier: 'front' } },
      linux: {
        cpu: { usageCoreNanoSeconds: { value: 9n } },
        memory: { usageBytes: { value: 700n } },
        process: { processCount: { value: 3n } },
        network: {
          defaultInterface: { name: 'eth0', rxBytes: { value: 5n }, txErrors: { value: 2n } },
          interfaces: [],
        },
        containers: [{ attributes: { id: metadata.id } }],
      },
    });
  });

  it('tells no network of a pod on that of the host, nor what its cgroup uses when it has none', async () => {
    const pod = await runPod(rig.now, {
      linux: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } },
    });
    const { stats: found } = await ask(pod);
    expect(found?.linux).toMatchObject({ network: undefined, cpu: undefined, memory: undefined, containers: [] });
  });

  it('refuses a pod that is not READY, and one that is not there', async () => {
    const pod = await runPod(rig.now);
    await stopPodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    await expect(ask(pod)).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    await expect(ask('absent')).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });
});

describe('ListPodSandboxStats, and its stream', () => {
  async function pods(filter?: DeepPartial<PodSandboxStatsFilter>): Promise<(string | undefined)[]> {
    const request = { filter: filter && PodSandboxStatsFilter.fromPartial(filter) };
    const { stats: found } = await listPodSandboxStats(rig.now.deps, request, rig.now.call());
    const streamed = await collectDecoded(
      streamPodSandboxStats(rig.now.deps, request, rig.now.call()),
      StreamPodSandboxStatsResponse,
    );
    const ids = found.map(({ attributes }) => attributes?.id);
    expect(streamed.flatMap((message) => message.podSandboxStats).map(({ attributes }) => attributes?.id)).toEqual(ids);
    return ids;
  }

  it('lists the READY pods that all parts of a filter let through', async () => {
    const web = await runPod(rig.now, { labels: { tier: 'front' } });
    const db = await runPod(rig.now, { metadata: { name: 'db', namespace: 'db', uid: 'db' } });
    const old = await runPod(rig.now, { metadata: { name: 'old', namespace: 'old', uid: 'old' } });
    await stopPodSandbox(rig.now.deps, { podSandboxId: old }, rig.now.call());
    expect((await pods()).sort()).toEqual([web, db].sort());
    expect(await pods({ id: web.slice(0, 10) })).toEqual([web]);
    expect(await pods({ labelSelector: { tier: 'front' } })).toEqual([web]);
    expect(await pods({ id: db, labelSelector: { tier: 'front' } })).toEqual([]);
  });

  it('lists a pod that cannot be measured: kubelet evicts a pod without statistics first', async () => {
    const web = await runPod(rig.now, { linux: { cgroupParent: PARENT } });
    rig.now.faults.fail('readCgroup', { nth: 'always' });
    expect(await pods()).toEqual([web]);
    rig.now.heal();
    expect(await pods()).toEqual([web]);
  });
});

describe('ListPodSandboxMetrics, and its stream', () => {
  it('has the metrics of every READY pod and its running containers, under names that are described', async () => {
    rig.now.host.cgroups.set(PARENT, { cpu: { usageNs: 9n }, memory: { usage: 700n } });
    const pod = await runPod(rig.now, { linux: { cgroupParent: PARENT } });
    const { metadata } = await runContainer(rig.now, pod);
    await makeContainer(rig.now, pod, { metadata: { name: 'b' } });
    uses(metadata.id, BUSY);
    const { podMetrics } = await listPodSandboxMetrics(rig.now.deps, {}, rig.now.call());
    expect(podMetrics.map(({ podSandboxId }) => podSandboxId)).toEqual([pod]);
    const [ours] = podMetrics;
    expect(ours?.containerMetrics.map(({ containerId }) => containerId)).toEqual([metadata.id]);
    const { descriptors } = await listMetricDescriptors();
    const keys = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys.length]));
    const all = [...(ours?.metrics ?? []), ...(ours?.containerMetrics[0]?.metrics ?? [])];
    expect(all.length).toBeGreaterThan(5);
    expect(all.filter(({ name, labelValues }) => keys.get(name) !== labelValues.length)).toEqual([]);
    expect(all.find(({ name }) => name === 'container_memory_usage_bytes')?.value?.value).toBe(700n);
    const streamed = await collectDecoded(
      streamPodSandboxMetrics(rig.now.deps, {}, rig.now.call()),
      StreamPodSandboxMetricsResponse,
    );
    expect(streamed.flatMap((message) => message.podSandboxMetrics.map(({ podSandboxId }) => podSandboxId))).toEqual([
      pod,
    ]);
  });

  it('has the other containers and the pod when of one nothing can be gathered, and the other way round', async () => {
    rig.now.host.cgroups.set(PARENT, { cpu: { usageNs: 9n } });
    const pod = await runPod(rig.now, { linux: { cgroupParent: PARENT } });
    const good = (await runContainer(rig.now, pod)).metadata.id;
    const bad = (await runContainer(rig.now, pod, { metadata: { name: 'b' } })).metadata.id;
    for (const id of [good, bad]) uses(id, BUSY);
    const { stats: sampler } = rig.now.deps;
    const [container, ofPod] = [sampler.container.bind(sampler), sampler.pod.bind(sampler)];
    const ask = async () => {
      const { podMetrics } = await listPodSandboxMetrics(rig.now.deps, {}, rig.now.call());
      return podMetrics.map((ours) => [ours.metrics.length > 0, ours.containerMetrics.map((each) => each.containerId)]);
    };
    sampler.container = async (asked, age) => {
      if (asked.metadata.id === bad) throw new Error('unexpected');
      return container(asked, age);
    };
    expect(await ask()).toEqual([[true, [good]]]);
    sampler.container = container;
    sampler.pod = async () => Promise.reject(new Error('unexpected'));
    expect(await ask()).toEqual([[false, expect.arrayContaining([good, bad])]]);
    sampler.pod = ofPod;
  });

  it('does not wait for a shim that hangs', async () => {
    const pod = await runPod(rig.now);
    await runContainer(rig.now, pod);
    for (const method of ['Tasks/Metrics', 'Tasks/ListPids']) rig.now.fake.fail(method, { nth: 'always', hang: true });
    const ask = () => listPodSandboxMetrics(rig.now.deps, {}, rig.now.call());
    expect((await ask()).podMetrics.map(({ podSandboxId }) => podSandboxId)).toEqual([pod]);
    const started = performance.now();
    for (let times = 0; times < 20; times += 1) expect((await ask()).podMetrics).toHaveLength(1);
    expect(performance.now() - started).toBeLessThan(10_000); // a wait each time would be twenty seconds
  });

  it('leaves out a pod that does not run', async () => {
    const pod = await runPod(rig.now);
    await stopPodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    expect((await listPodSandboxMetrics(rig.now.deps, {}, rig.now.call())).podMetrics).toEqual([]);
    expect(await collect(streamPodSandboxMetrics(rig.now.deps, {}, rig.now.call()))).toEqual([]);
  });
});
