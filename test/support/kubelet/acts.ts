import { readFileSync, statSync } from 'node:fs';

import { fullName, type KubeletNode } from './kubelet-node';

/**
 * What kubelet's log says, up to verbosity 3, when it takes a pod or container for changed, or is about to change one
 * itself (kubelet.go, kuberuntime_manager.go, kuberuntime_container.go, util/util.go).
 */
const ACTS = new RegExp(
  `"(${[
    'SyncLoop \\(PLEG\\): event for pod',
    'SyncLoop (REMOVE|DELETE)',
    'Killing (unwanted )?container',
    'Container of pod is not in the desired state and shall be started',
    'No sandbox for pod can be found',
    'No ready sandbox for pod can be found',
    'Multiple sandboxes are ready for Pod',
    'Removing container before pod restarts',
  ].join('|')})`,
);

/** How long kubelet's log is, in bytes. */
export function kubeletLogEnd(node: KubeletNode): number {
  return statSync(node.kubelet.daemon.logFile).size;
}

/** Lines that kubelet has logged since `from`, by which it takes one of these pods for changed or changes it. */
export function kubeletActs(node: KubeletNode, pods: readonly string[], from: number): string[] {
  const names = pods.map((name) => `default/${fullName(node, name)}"`);
  const text = readFileSync(node.kubelet.daemon.logFile).subarray(from).toString('utf8');
  return text.split('\n').filter((line) => ACTS.test(line) && names.some((name) => line.includes(name)));
}
