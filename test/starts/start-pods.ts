import { ContainerConfig, NamespaceMode, type PodSandboxConfig } from '../../generated/cri/v1/api';
import { until } from '../support/daemon/process';
import { BUSYBOX, type TestNode } from '../support/node/node';
import { createContainer, exitOf, logOf, type Pod, pidOf, podConfig } from '../support/node/pods';

const { CONTAINER, NODE, POD } = NamespaceMode;

/** What the ended containers end with. */
export const EXIT_CODE = 7;

/** A pod and its containers, by what they are called in a row's name: ids differ between nodes. */
export interface NamedPod {
  readonly role: string;
  readonly pod: { readonly id: string };
  readonly containers: readonly { readonly role: string; readonly id: string }[];
}

/** A container of a pod that a start has to find again. */
export interface StartContainer {
  /** `bridge/app`. */
  readonly role: string;
  readonly id: string;
  readonly runs: boolean;
  readonly logPath: string;
  /** 0 when it has ended. */
  readonly pid: number;
}

/** A pod that a start has to find again. */
export interface StartPod {
  /** `bridge`, `host-bare`, …: what it is in a row's name, as ids differ between nodes. */
  readonly role: string;
  readonly pod: Pod;
  readonly runs: boolean;
  readonly containers: readonly StartContainer[];
}

interface Shape {
  readonly role: string;
  readonly network: NamespaceMode;
  /** With shared PIDs a pod has a pause task, with pids of each container's own it needs none. */
  readonly pid: NamespaceMode;
  readonly ended?: boolean;
  readonly stopped?: boolean;
}

const SHAPES: readonly Shape[] = [
  { role: 'bridge', network: POD, pid: POD, ended: true },
  { role: 'host', network: NODE, pid: POD },
  { role: 'bare', network: POD, pid: CONTAINER },
  { role: 'bare-host', network: NODE, pid: CONTAINER, ended: true },
  { role: 'bridge-2', network: POD, pid: POD },
  { role: 'host-2', network: NODE, pid: POD, ended: true },
  { role: 'stopped', network: POD, pid: POD, stopped: true },
];

/** A line every 150 ms, numbered, so that a lost one shows. */
export const COUNTS = 'i=0; while true; do i=$((i+1)); echo "line $i"; usleep 150000; done';

/** Six pods that run and one that is stopped, each with a container that writes numbered lines, three with an ended one. */
export async function makeStartPods(node: TestNode): Promise<StartPod[]> {
  return Promise.all(SHAPES.map((shape) => makePod(node, shape)));
}

async function makePod(node: TestNode, shape: Shape): Promise<StartPod> {
  const { role, network, pid, ended = false, stopped = false } = shape;
  const linux = { securityContext: { namespaceOptions: { network, pid } } };
  const plain = podConfig(node, { linux });
  const { name = '', uid = '' } = plain.metadata ?? {};
  const labels = {
    'io.kubernetes.pod.name': name,
    'io.kubernetes.pod.namespace': 'default',
    'io.kubernetes.pod.uid': uid,
  };
  const config: PodSandboxConfig = { ...plain, labels, annotations: { 'starts/role': role } };
  if (network === NODE) config.hostname = '';
  const { podSandboxId: id } = await node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' });
  const pod: Pod = { id, config };
  const make = async (app: string, script: string, runs: boolean): Promise<StartContainer> => {
    const container = ContainerConfig.fromPartial({
      metadata: { name: app },
      image: { image: BUSYBOX },
      command: ['sh', '-c', script],
      logPath: `${app}.log`,
      labels: { ...labels, 'io.kubernetes.container.name': app },
      annotations: { 'starts/role': `${role}/${app}` },
      linux,
    });
    const containerId = await createContainer(node, pod, container);
    await node.cri.runtime.startContainer({ containerId });
    if (!runs) await exitOf(node, containerId, 60_000);
    const of = { role: `${role}/${app}`, id: containerId, runs: runs && !stopped, logPath: logOf(pod, app) };
    return { ...of, pid: of.runs ? await pidOf(node, containerId) : 0 };
  };
  const containers = [await make('app', COUNTS, true)];
  if (ended) containers.push(await make('ended', `echo "line 1"; exit ${EXIT_CODE}`, false));
  if (stopped) {
    await node.cri.runtime.stopPodSandbox({ podSandboxId: id });
    for (const { id: each } of containers)
      await until(`${each} ends`, 30_000, async () => (await pidOf(node, each)) === 0);
  }
  return { role, pod, runs: !stopped, containers };
}
