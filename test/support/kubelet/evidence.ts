import { readFileSync } from 'node:fs';

import { ContainerFilter, ContainerState } from '../../../generated/cri/v1/api';
import { errorMessage } from '../../../src/base/errors';
import { lastLines } from '../daemon/process';
import type { TestNode } from '../node/node';
import type { Kubelet } from './kubelet';

const CALL_MS = 2000;
const LINES = 25;

/**
 * What crisp says of a pod's containers, what `ps` shows in those that run, and the last lines of the logs of kubelet and crisp:
 * for the error of a test that has waited in vain. A call that fails is told in place of its answer. Takes six seconds at most.
 */
export async function podEvidence(
  node: Pick<TestNode, 'cri' | 'crisp'> & { readonly kubelet: Kubelet },
  podName: string,
): Promise<string> {
  const containers = await containersOf(node.cri, podName).catch((error: unknown) => [
    `crisp does not list its containers: ${errorMessage(error)}`,
  ]);
  const kubeletSays = readFileSync(node.kubelet.daemon.logFile, 'utf8')
    .split('\n')
    .filter((line) => /^E|PLEG|SyncPod/.test(line));
  return [
    ...containers,
    'kubelet logged, errors and what it does with pods:',
    ...kubeletSays.slice(-LINES),
    'crisp logged:',
    lastLines(node.crisp.daemon.logFile, LINES),
  ].join('\n');
}

async function containersOf(cri: TestNode['cri'], podName: string): Promise<string[]> {
  const filter = ContainerFilter.fromPartial({ labelSelector: { 'io.kubernetes.pod.name': podName } });
  const { containers } = await cri.runtime.listContainers({ filter }, { timeoutMs: CALL_MS });
  return Promise.all(
    containers.map(async ({ id, state, metadata }) => {
      const line = `crisp lists ${metadata?.name} ${id} as ${ContainerState[state]}`;
      return state === ContainerState.CONTAINER_RUNNING ? `${line}, and ${await processesIn(cri, id)}` : line;
    }),
  );
}

async function processesIn(cri: TestNode['cri'], containerId: string): Promise<string> {
  try {
    const { stdout } = await cri.runtime.execSync(
      { containerId, cmd: ['ps'], timeout: BigInt(CALL_MS / 1000) },
      { timeoutMs: 2 * CALL_MS },
    );
    return `ps shows in it:\n${Buffer.from(stdout).toString()}`;
  } catch (error) {
    return `ps cannot be run in it: ${errorMessage(error)}`;
  }
}
