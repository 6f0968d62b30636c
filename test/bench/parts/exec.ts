import { setTimeout as pause } from 'node:timers/promises';

import { turns } from '../statistics';
import type { Bench } from './part';

/**
 * A kubelet's probes are seconds apart. Of probes one right after the other some take far longer than others, and a
 * millisecond between them decides which. What fits that: the kernel's cgroup_threadgroup_rwsem, for which `runc exec` waits
 * an RCU grace period when it moves a process into its cgroups, and hardly at all when somebody has just waited.
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
