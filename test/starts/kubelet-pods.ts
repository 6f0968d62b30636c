import { PodSandboxConfig } from '../../generated/cri/v1/api';
import { fullName, type KubeletNode, putPod, ready } from '../support/kubelet/kubelet-node';
import { podManifest, shell } from '../support/kubelet/manifest';
import { pidOf, statusOf } from '../support/node/pods';
import { COUNTS, type StartContainer, type StartPod } from './start-pods';

/** Names of the manifests, which are the pods' roles. */
export const KUBELET_PODS = ['host', 'bridge', 'shared'] as const;

/** With a trap, as the first process of a container ends by no signal without. */
const ENDLESS = `trap "exit 0" TERM; ${COUNTS}`;

/**
 * Has kubelet run a pod on the node's network; one on a bridge with two containers and one that has ended before they
 * began; and one with shared PIDs, which has a pause task also where the others have none. Waits until all are ready.
 */
export async function runKubeletPods(node: KubeletNode): Promise<StartPod[]> {
  putPod(node, podManifest('host', [shell('app', ENDLESS)], { hostNetwork: true }));
  const initContainers = [shell('ended', 'echo "line 1"')];
  putPod(node, podManifest('bridge', [shell('app', ENDLESS), shell('side', ENDLESS)], { initContainers }));
  putPod(node, podManifest('shared', [shell('app', ENDLESS)], { shareProcessNamespace: true }));
  for (const name of KUBELET_PODS) await ready(node, name, 90_000);
  return Promise.all(KUBELET_PODS.map((name) => madeOf(node, name)));
}

/** The pod that kubelet has made of a manifest; it must be the only one. */
async function madeOf(node: KubeletNode, role: string): Promise<StartPod> {
  const { runtime } = node.cri;
  const { items } = await runtime.listPodSandbox({ filter: undefined });
  const [sandbox, ...others] = items.filter(({ metadata }) => metadata?.name === fullName(node, role));
  if (!sandbox || others.length > 0)
    throw new Error(`kubelet has made ${others.length + (sandbox ? 1 : 0)} of ${role}`);
  const { containers } = await runtime.listContainers({ filter: undefined });
  const own = containers.filter(({ podSandboxId }) => podSandboxId === sandbox.id);
  const config = PodSandboxConfig.fromPartial({ metadata: sandbox.metadata });
  const made = own.map(async ({ id, metadata }): Promise<StartContainer> => {
    const name = metadata?.name ?? '';
    const { logPath } = await statusOf(node, id);
    const runs = name !== 'ended';
    return { role: `${role}/${name}`, id, runs, logPath, pid: runs ? await pidOf(node, id) : 0 };
  });
  return { role, pod: { id: sandbox.id, config }, runs: true, containers: await Promise.all(made) };
}
