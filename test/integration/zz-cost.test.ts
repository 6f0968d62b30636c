import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { NamespaceMode } from '../../generated/cri/v1/api';
import { PAUSE, startNode, type TestNode } from '../support/node/node';
import { removePods, runContainer, runPod, shell } from '../support/node/pods';

let node: TestNode;
const PODS = 40;
beforeAll(async () => {
  node = await startNode({ settings: { sandbox_image: PAUSE, containerd: { runtimes: { runc: { infra_container: 'auto' } } } } });
}, 60_000);
afterAll(async () => {
  await removePods(node);
  await node.stop();
}, 120_000);
const cpu = (): number => {
  const stat = readFileSync(`/proc/${node.crisp.daemon.pid}/stat`, 'utf8');
  const f = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(f[11]) + Number(f[12])) * 10;
};
it('cost', async () => {
  for (let i = 0; i < PODS; i++) {
    const pod = await runPod(node, { linux: { cgroupParent: `/crisp-cost/pod${i}`, securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } });
    await runContainer(node, pod, shell('main', 'sleep 100000'));
  }
  await sleep(10_000);
  const out: string[] = [];
  const phase = async (name: string, poll: () => Promise<unknown>): Promise<void> => {
    const [c, t] = [cpu(), performance.now()];
    const took: number[] = [];
    for (let i = 0; i < 4; i++) {
      const s = performance.now();
      await poll();
      took.push(Math.round(performance.now() - s));
      await sleep(10_000);
    }
    out.push(`${name}: ${cpu() - c} ms cpu in ${Math.round(performance.now() - t)} ms; calls ${took.join(' ')} ms`);
  };
  await phase('nobody', async () => undefined);
  await phase('containers', () => node.cri.runtime.listContainerStats({ filter: undefined }));
  await phase('pods', () => node.cri.runtime.listPodSandboxStats({ filter: undefined }));
  await phase('pods+metrics', async () => {
    await node.cri.runtime.listPodSandboxStats({ filter: undefined });
    await node.cri.runtime.listPodSandboxMetrics({});
  });
  console.log(out.join('\n'));
}, 600_000);
