import { readFileSync } from 'node:fs';

import { bigImage } from '../../support/daemon/images/catalog';
import { type Entry, startContestant } from '../contestant';
import { Kubelet } from '../kubelet';
import { breakdownTable, type TracedCall, tracedCalls } from '../report/breakdown';
import { Samples } from '../samples';
import type { Bench } from './part';
import { pulledAfresh } from './pull';

const METHODS = [
  'RunPodSandbox',
  'CreateContainer',
  'StartContainer',
  'ExecSync',
  'StopContainer',
  'StopPodSandbox',
  'RemoveContainer',
  'RemovePodSandbox',
  'PullImage',
];
const WARM_UP = 5;
const MAX_PODS = 30;
const PULLS = 5;

/** Pods and pulls one at a time on crisps that log what they do: where their time goes, as a table for each. */
export async function breakdown(bench: Bench): Promise<void> {
  await bench.registry.push([bigImage()]);
  for (const entry of bench.options.entries) {
    if (entry.kind !== 'crisp') continue;
    const calls = await traced(bench, entry);
    bench.say(`${entry.name}: ${calls.length} calls traced`);
    bench.tables.set(entry.name, breakdownTable(calls, METHODS));
  }
}

async function traced({ options, registry }: Bench, entry: Entry & { kind: 'crisp' }): Promise<TracedCall[]> {
  const settings = { ...entry.settings, log: { level: 'debug', format: 'json' } };
  const server = await startContestant({ ...entry, settings }, registry.certsDir);
  try {
    const kubelet = new Kubelet(server, new Samples());
    await kubelet.pullNeeded();
    for (let i = 0; i < WARM_UP; i++) await onePod(kubelet);
    const before = callsOf(kubelet).length;
    for (let i = 0; i < Math.min(options.pods, MAX_PODS); i++) await onePod(kubelet);
    await pulls(kubelet);
    return callsOf(kubelet).slice(before);
  } finally {
    await server.stop();
  }
}

async function pulls(kubelet: Kubelet): Promise<void> {
  const image = `docker.io/${bigImage().names[0]}`;
  for (let i = 0; i < PULLS; i++) await pulledAfresh(kubelet, image, () => kubelet.pull(image));
}

async function onePod(kubelet: Kubelet): Promise<void> {
  const pod = await kubelet.startPod('traced');
  await kubelet.probe('traced', pod);
  await kubelet.stopPod('traced', pod);
  await kubelet.removePod('traced', pod);
}

function callsOf({ server }: Kubelet): TracedCall[] {
  return tracedCalls(readFileSync(server.crisp?.daemon.logFile ?? '', 'utf8'));
}
