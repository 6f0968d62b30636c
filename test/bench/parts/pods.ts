import { setTimeout as pause } from 'node:timers/promises';
import type { Kubelet } from '../kubelet';
import { startPolling } from '../polling';
import { turns } from '../statistics';
import type { Bench } from './part';

/** What a daemon does after its answer belongs to the call as well. */
const SETTLE_MS = 100;
/** A daemon that has just started is no measure for one that runs for months: its code is not compiled, its caches are cold. */
const WARM_UP = 5;

/** Pods one after another, one at a time, each contestant's turn: start, probe, stop, remove. */
export async function pods({ kubelets, samples, options, say }: Bench): Promise<void> {
  for (let i = 0; i < WARM_UP; i++) for (const kubelet of kubelets) await onePod(kubelet, 'warm-up', () => undefined);
  const polls = kubelets.map(({ server }) => startPolling(server.cri));
  for (let round = 0; round < options.pods; round++) {
    for (const kubelet of turns(kubelets, round)) {
      const { name } = kubelet.server;
      await onePod(kubelet, 'pods', (metric, seconds) => samples.add(metric, name, seconds * 1000));
    }
    if (round % 10 === 9) say(`${round + 1} of ${options.pods} pods`);
  }
  await Promise.all(polls.map((poll) => poll.stop()));
}

async function onePod(kubelet: Kubelet, prefix: string, cpu: (metric: string, seconds: number) => void): Promise<void> {
  const spent = await accountOf(kubelet);
  const pod = await kubelet.startPod(prefix);
  cpu('pods.startCpu', await spent());
  await kubelet.probe(`${prefix}.firstProbe`, pod);
  await kubelet.stopPod(prefix, pod);
  await kubelet.removePod(prefix, pod);
  cpu('pods.lifeCpu', await spent());
}

/** Answers a question for the processor seconds since now, put once it is quiet. */
async function accountOf({ server }: Kubelet): Promise<() => Promise<number>> {
  const before = server.cpu.seconds();
  return async () => {
    await pause(SETTLE_MS);
    return server.cpu.seconds() - before;
  };
}
