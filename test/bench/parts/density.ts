import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { until } from '../../support/daemon/process';
import { inFlight } from '../in-flight';
import type { BenchPod, Kubelet } from '../kubelet';
import { COMPONENTS, memoryBy } from '../memory';
import { startPolling } from '../polling';
import { lastStart, type StartParts } from '../report/start';
import { turns } from '../statistics';
import type { Bench } from './part';

const IN_FLIGHT = 10;
const LISTS = 50;
const QUIET_MS = 5000;
/** How often crisp is started anew. */
const STARTS = 3;

/**
 * The experiment that the plugin was announced with: a batch of pods, then the node at rest with all of them. One
 * contestant after another, so that each has the machine to itself, in another order each round.
 */
export async function density(bench: Bench): Promise<void> {
  for (let round = 0; round < bench.options.rounds; round++)
    for (const kubelet of turns(bench.kubelets, round)) {
      bench.say(`${kubelet.server.name}: ${bench.options.density} pods, ${IN_FLIGHT} in flight`);
      await oneBatch(bench, kubelet);
    }
}

async function oneBatch({ samples, options, say }: Bench, kubelet: Kubelet): Promise<void> {
  const { name, cri, cpu } = kubelet.server;
  await restart(kubelet, samples, 'density.servingEmpty');
  const numbers = Array.from({ length: options.density }, (_, i) => i);
  const polling = startPolling(cri);
  const before = cpu.seconds();
  const pods = await samples.time('density.batch', name, () =>
    inFlight(numbers, IN_FLIGHT, () => kubelet.startPod('density')),
  );
  await polling.stop();
  samples.add('density.startCpu', name, ((cpu.seconds() - before) * 1000) / options.density);
  await lists(kubelet, 'density', samples);
  await pause(QUIET_MS);
  await atRest(kubelet, samples, options.restSeconds);
  memory(kubelet, samples);
  for (const parts of await restart(kubelet, samples, 'density.serving'))
    for (const [part, ms] of Object.entries(parts)) samples.add(`density.serving.${part}`, name, ms);
  await teardown(kubelet, pods, samples);
  say(`${name}: done`);
}

/** Adds the time that lists take. */
export async function lists({ server }: Kubelet, prefix: string, samples: Bench['samples']): Promise<void> {
  const { runtime } = server.cri;
  for (let i = 0; i < LISTS; i++) {
    await samples.time(`${prefix}.listPods`, server.name, () => runtime.listPodSandbox({ filter: undefined }));
    await samples.time(`${prefix}.listContainers`, server.name, () => runtime.listContainers({ filter: undefined }));
  }
}

/** Adds thousandths of a processor that the contestant takes while kubelet only polls. */
async function atRest({ server }: Kubelet, samples: Bench['samples'], seconds: number): Promise<void> {
  const polling = startPolling(server.cri);
  const before = server.cpu.seconds();
  const started = performance.now();
  await pause(seconds * 1000);
  const spent = server.cpu.seconds() - before;
  samples.add('density.rest', server.name, (spent * 1e6) / (performance.now() - started));
  await polling.stop();
}

function memory({ server }: Kubelet, samples: Bench['samples']): void {
  const sums = memoryBy(server.cpu.pids());
  for (const component of COMPONENTS) samples.add(`memory.${component}`, server.name, sums[component] / 2 ** 20);
  const total = COMPONENTS.reduce((sum, component) => sum + sums[component], 0);
  samples.add('memory.total', server.name, total / 2 ** 20);
}

/** Adds the times from a start of crisp to its first answer, asked for every 20 ms; answers what crisp says of each start. */
async function restart({ server }: Kubelet, samples: Bench['samples'], metric: string): Promise<StartParts[]> {
  const { crisp, cri, name } = server;
  if (!crisp) return [];
  const told: StartParts[] = [];
  for (let i = 0; i < STARTS; i++) {
    await crisp.stop();
    await samples.time(metric, name, () => crisp.start());
    told.push(lastStart(readFileSync(crisp.daemon.logFile, 'utf8')));
  }
  const listed = (): Promise<boolean> =>
    cri.runtime.listPodSandbox({ filter: undefined }).then(
      () => true,
      () => false,
    );
  await until('the client has connected again', 10_000, listed);
  return told;
}

async function teardown(kubelet: Kubelet, pods: readonly BenchPod[], samples: Bench['samples']): Promise<void> {
  await samples.time('density.teardown', kubelet.server.name, async () => {
    await inFlight(pods, IN_FLIGHT, async (pod) => {
      await kubelet.stopPod('density', pod);
      await kubelet.removePod('density', pod);
    });
  });
}
