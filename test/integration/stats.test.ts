import { setTimeout as sleep } from 'node:timers/promises';

import type { Metric } from '../../generated/cri/v1/api';
import { PAUSE, startNode, type TestNode } from '../support/node/node';
import { nothingLeft, type Pod, removePod, runContainer, runPod, shell } from '../support/node/pods';

const SECOND = 1000;
/** What a kernel or a container may not have: no block I/O yet, no huge pages, no pressure accounting, no such limit. */
const MAY_BE_MISSING =
  /^container_(blkio|fs_reads|fs_writes|hugetlb|pressure|spec_cpu_quota|spec_memory_reservation|ulimits_soft)/;

let node: TestNode;

beforeAll(async () => {
  node = await startNode({ settings: { sandbox_image: PAUSE } });
}, 60 * SECOND);

afterAll(async () => {
  await node.stop();
}, 60 * SECOND);

/** What is told of a pod and its container. */
async function metricsOf(pod: Pod, containerId: string): Promise<Metric[]> {
  const { podMetrics } = await node.cri.runtime.listPodSandboxMetrics({});
  const ours = podMetrics.find(({ podSandboxId }) => podSandboxId === pod.id);
  const ofContainer = ours?.containerMetrics.find((one) => one.containerId === containerId)?.metrics ?? [];
  return [...(ours?.metrics ?? []), ...ofContainer];
}

describe('the metrics of a running pod', () => {
  it(
    'have a value for every descriptor, of its container or of the pod itself',
    async () => {
      const pod = await runPod(node, { linux: { cgroupParent: '/crisp-stats' } });
      const id = await runContainer(node, pod, shell('main', 'while :; do :; done'));
      const { descriptors } = await node.cri.runtime.listMetricDescriptors({});
      const required = descriptors.map(({ name }) => name).filter((name) => !MAY_BE_MISSING.test(name));
      let all = await metricsOf(pod, id);
      const missing = () => required.filter((name) => !all.some((metric) => metric.name === name));
      // A shim that is asked for its processes may be late once, beside a container that takes all it can get.
      for (let tries = 0; tries < 10 && missing().length > 0; tries++) {
        await sleep(SECOND);
        all = await metricsOf(pod, id);
      }
      expect(missing()).toEqual([]);
      const keys = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys.length]));
      expect(all.filter(({ name, labelValues }) => labelValues.length !== keys.get(name))).toEqual([]);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    30 * SECOND,
  );

  it(
    'stand in its stats: processor, memory, network and the container',
    async () => {
      const pod = await runPod(node, { linux: { cgroupParent: '/crisp-stats' } });
      const id = await runContainer(node, pod, shell('main', 'while :; do :; done'));
      const { stats } = await node.cri.runtime.podSandboxStats({ podSandboxId: pod.id });
      expect(stats?.linux?.cpu?.usageCoreNanoSeconds?.value).toBeGreaterThan(0n);
      expect(stats?.linux?.memory?.workingSetBytes?.value).toBeGreaterThan(0n);
      expect(stats?.linux?.network?.defaultInterface?.name).toBe('eth0');
      expect(stats?.linux?.containers.map(({ attributes }) => attributes?.id)).toEqual([id]);
      const listed = await node.cri.runtime.listContainerStats({
        filter: { id: '', podSandboxId: pod.id, labelSelector: {} },
      });
      expect(listed.stats.map(({ attributes }) => attributes?.id)).toEqual([id]);
      expect(listed.stats[0]?.memory?.usageBytes?.value).toBeGreaterThan(0n);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    30 * SECOND,
  );

  it(
    'come in batches over the stream that the unary call answers at once',
    async () => {
      const pod = await runPod(node);
      const unary = await node.cri.runtime.listPodSandbox({ filter: undefined });
      const streamed = [];
      for await (const { podSandboxes } of node.cri.runtime.streamPodSandboxes({ filter: undefined })) {
        streamed.push(...podSandboxes);
      }
      expect(streamed).toEqual(unary.items);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    30 * SECOND,
  );
});
