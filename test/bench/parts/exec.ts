import { turns } from '../statistics';
import type { Bench } from './part';

/** Exec probes on one running container of each contestant, one at a time. */
export async function exec({ kubelets, samples, options, say }: Bench): Promise<void> {
  const running = await Promise.all(
    kubelets.map(async (kubelet) => ({ kubelet, pod: await kubelet.startPod('other') })),
  );
  for (const { kubelet, pod } of running) await kubelet.probe('warm-up', pod);
  for (let round = 0; round < options.pods; round++)
    for (const { kubelet, pod } of turns(running, round)) {
      const before = kubelet.server.cpu.seconds();
      await kubelet.probe('exec.latency', pod);
      samples.add('exec.cpu', kubelet.server.name, (kubelet.server.cpu.seconds() - before) * 1000);
    }
  for (const { kubelet, pod } of running) {
    await kubelet.stopPod('other', pod);
    await kubelet.removePod('other', pod);
  }
  say(`${options.pods} probes`);
}
