import { setTimeout as pause } from 'node:timers/promises';

import { turns } from '../statistics';
import type { Bench } from './part';

/**
 * A kubelet's probes are seconds apart. What `runc exec` waits for when it moves a process into its cgroups, an RCU grace
 * period (the kernel's cgroup_threadgroup_rwsem), is over at once when another has waited a moment ago: with probes one
 * right after the other, whether it waits hangs on a millisecond.
 */
const BETWEEN_MS = 100;

/** Exec probes on one running container of each contestant, one at a time and each by itself. */
export async function exec({ kubelets, samples, options, say }: Bench): Promise<void> {
  const running = await Promise.all(
    kubelets.map(async (kubelet) => ({ kubelet, pod: await kubelet.startPod('other') })),
  );
  for (const { kubelet, pod } of running) await kubelet.probe('warm-up', pod);
  for (let round = 0; round < options.pods; round++)
    for (const { kubelet, pod } of turns(running, round)) {
      await pause(BETWEEN_MS);
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
