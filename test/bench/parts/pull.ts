import { bigImage } from '../../support/daemon/images/catalog';
import { until } from '../../support/daemon/process';
import type { Contestant } from '../contestant';
import { turns } from '../statistics';
import type { Bench } from './part';

const PULLS = 5;
/** Manifest, config and six layers. */
const BLOBS = 8;

/** The same image of six layers is pulled again and again, nothing of it being here. */
export async function pull({ kubelets, samples, registry, say }: Bench): Promise<void> {
  await registry.push([bigImage()]);
  const image = `docker.io/${bigImage().names[0]}`;
  for (let round = 0; round < PULLS; round++)
    for (const kubelet of turns(kubelets, round)) {
      const { name, cpu } = kubelet.server;
      const blobs = blobCount(kubelet.server);
      const before = cpu.seconds();
      await samples.time('pull.latency', name, () => kubelet.pull(image));
      samples.add('pull.cpu', name, (cpu.seconds() - before) * 1000);
      if (blobCount(kubelet.server) !== blobs + BLOBS) throw new Error(`${name} did not fetch the whole image`);
      await kubelet.removeImage(image);
      await until(`${image} is gone from ${name}`, 30_000, async () => blobCount(kubelet.server) === blobs);
    }
  say(`${PULLS} pulls`);
}

function blobCount({ containerd }: Contestant): number {
  return containerd.ctr('content', 'ls', '-q').split('\n').filter(Boolean).length;
}
