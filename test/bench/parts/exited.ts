import { ContainerState } from '../../../generated/cri/v1/api';
import { until } from '../../support/daemon/process';
import { inFlight } from '../in-flight';
import type { BenchPod, Kubelet } from '../kubelet';
import { turns } from '../statistics';
import { lists } from './density';
import type { Bench } from './part';

const PODS = 10;
const IN_FLIGHT = 10;

/** Lists of a node with very many containers that have ended and were not removed. */
export async function exited(bench: Bench): Promise<void> {
  for (const kubelet of turns(bench.kubelets, 0)) await oneNode(bench, kubelet);
}

async function oneNode({ samples, options, say }: Bench, kubelet: Kubelet): Promise<void> {
  const { name } = kubelet.server;
  const pods: BenchPod[] = [];
  for (let i = 0; i < PODS; i++) pods.push(await kubelet.startPod('other'));
  const numbers = Array.from({ length: options.exited }, (_, i) => i);
  say(`${name}: ${options.exited} containers that end at once`);
  await inFlight(numbers, IN_FLIGHT, async (i) => {
    const pod = pods[i % PODS];
    if (!pod) return;
    await samples.time('exited.create', name, async () => {
      const containerId = await kubelet.runContainer(pod, { command: ['true'], attempt: i + 1 });
      await until(`${containerId} has ended`, 30_000, () => ended(kubelet, containerId), 20);
    });
  });
  await lists(kubelet, 'exited', samples);
  await inFlight(pods, IN_FLIGHT, async (pod) => {
    await kubelet.stopPod('other', pod);
    await kubelet.removePod('other', pod);
  });
}

async function ended({ server }: Kubelet, containerId: string): Promise<boolean> {
  const { status } = await server.cri.runtime.containerStatus({ containerId, verbose: false });
  return status?.state === ContainerState.CONTAINER_EXITED;
}
