import { readFileSync } from 'node:fs';

import { ContainerState } from '../../../generated/cri/v1/api';
import { lastLines } from '../daemon/process';
import type { TestNode } from '../node/node';
import type { Kubelet } from './kubelet';

const CALL_MS = 5000;
const LINES = 25;

/**
 * What crisp says of a pod's containers, what runs in those that run, and the ends of both logs: for the message of a test that
 * has waited in vain. Never rejects: what cannot be asked is told in its place.
 */
export async function podEvidence(
  node: Pick<TestNode, 'cri' | 'crisp'> & { readonly kubelet: Kubelet },
  podName: string,
): Promise<string> {
  const containers = await containersOf(node.cri, podName).catch((error: unknown) => [`crisp: ${error}`]);
  const ofPod = readFileSync(node.kubelet.daemon.logFile, 'utf8')
    .split('\n')
    .filter((line) => /^E/.test(line) || /PLEG|SyncPod/.test(line));
  return [
    ...containers,
    'kubelet, its errors and what it says of pods:',
    ...ofPod.slice(-LINES),
    'crisp:',
    lastLines(node.crisp.daemon.logFile, LINES),
  ].join('\n');
}

async function containersOf(cri: TestNode['cri'], podName: string): Promise<string[]> {
  const { containers } = await cri.runtime.listContainers({ filter: undefined }, { timeoutMs: CALL_MS });
  const own = containers.filter(({ labels }) => labels['io.kubernetes.pod.name'] === podName);
  return Promise.all(
    own.map(async ({ id, state, metadata }) => {
      const said = `${metadata?.name} ${id}: ${ContainerState[state]}`;
      return state === ContainerState.CONTAINER_RUNNING ? `${said}, ${await processesIn(cri, id)}` : said;
    }),
  );
}

async function processesIn(cri: TestNode['cri'], containerId: string): Promise<string> {
  try {
    const { stdout } = await cri.runtime.execSync(
      { containerId, cmd: ['ps'], timeout: BigInt(CALL_MS / 1000) },
      { timeoutMs: 2 * CALL_MS },
    );
    return `in it run: ${Buffer.from(stdout).toString()}`;
  } catch (error) {
    return `ps in it: ${error}`;
  }
}
