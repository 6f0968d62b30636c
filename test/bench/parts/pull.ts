import { bigImage } from '../../support/daemon/images/catalog';
import { until } from '../../support/daemon/process';
import type { Contestant } from '../contestant';
import type { Kubelet } from '../kubelet';
import { leastOfNode } from '../least-pull';
import { statFields } from '../proc-stat';
import { turns } from '../statistics';
import type { Bench } from './part';

const PULLS = 5;
/** Manifest, config and six layers. */
const BLOBS = 8;

/** The same image of six layers is pulled again and again, nothing of it being here. */
export async function pull({ kubelets, samples, registry, say }: Bench): Promise<void> {
  await registry.push([bigImage()]);
  const [name = ''] = bigImage().names;
  const [repository = '', tag = ''] = name.split(':');
  const image = `docker.io/${name}`;
  for (let round = 0; round < PULLS; round++)
    for (const kubelet of turns(kubelets, round)) {
      const { name, cpu, crisp } = kubelet.server;
      await pulledAfresh(kubelet, image, async () => {
        const before = cpu.seconds();
        const crispBefore = crisp ? processorMs(crisp.daemon.pid) : 0;
        await samples.time('pull.latency', name, () => kubelet.pull(image));
        samples.add('pull.cpu', name, (cpu.seconds() - before) * 1000);
        if (crisp) samples.add('pull.cpuOfCrisp', name, processorMs(crisp.daemon.pid) - crispBefore);
      });
      if (crisp) samples.add('pull.cpuOfCarrying', name, await leastOfNode(registry, repository, tag));
    }
  say(`${PULLS} pulls`);
}

/** Lets `act` pull the image of six layers, holds that all of it was fetched, and removes it until nothing of it is here. */
export async function pulledAfresh(kubelet: Kubelet, image: string, act: () => Promise<void>): Promise<void> {
  const { server } = kubelet;
  const blobs = blobCount(server);
  await act();
  if (blobCount(server) !== blobs + BLOBS) throw new Error(`${server.name} did not fetch the whole image`);
  await kubelet.removeImage(image);
  await until(`${image} is gone from ${server.name}`, 30_000, async () => blobCount(server) === blobs);
}

/** Processor time of a process so far, in ticks of ten milliseconds. */
function processorMs(pid: number): number {
  const [user, system] = statFields(pid).slice(11, 13);
  return 10 * (Number(user) + Number(system));
}

function blobCount({ containerd }: Contestant): number {
  return containerd.ctr('content', 'ls', '-q').split('\n').filter(Boolean).length;
}
