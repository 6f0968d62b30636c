import { readFileSync } from 'node:fs';

import { bigImage } from '../../support/daemon/images/catalog';
import { until } from '../../support/daemon/process';
import type { Contestant } from '../contestant';
import { leastOfNode } from '../least-pull';
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
      const blobs = blobCount(kubelet.server);
      const before = cpu.seconds();
      const crispBefore = crisp ? processorMs(crisp.daemon.pid) : 0;
      await samples.time('pull.latency', name, () => kubelet.pull(image));
      samples.add('pull.cpu', name, (cpu.seconds() - before) * 1000);
      if (crisp) {
        samples.add('pull.cpuOfCrisp', name, processorMs(crisp.daemon.pid) - crispBefore);
        samples.add('pull.cpuOfCarrying', name, await leastOfNode(registry, repository, tag));
      }
      if (blobCount(kubelet.server) !== blobs + BLOBS) throw new Error(`${name} did not fetch the whole image`);
      await kubelet.removeImage(image);
      await until(`${image} is gone from ${name}`, 30_000, async () => blobCount(kubelet.server) === blobs);
    }
  say(`${PULLS} pulls`);
}

/** Processor time of a process so far, to ten milliseconds. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

function blobCount({ containerd }: Contestant): number {
  return containerd.ctr('content', 'ls', '-q').split('\n').filter(Boolean).length;
}
