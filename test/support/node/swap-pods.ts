import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import {
  ContainerConfig,
  type DeepPartial,
  MountPropagation,
  NamespaceMode,
  type PodSandboxConfig,
  Signal,
} from '../../../generated/cri/v1/api';
import { freePort } from '../daemon/registry';
import { NGINX } from './node';
import {
  type CriNode,
  createContainer,
  exitOf,
  logLines,
  logOf,
  type Pod,
  podStatusOf,
  runContainer,
  runPod,
  shell,
  statusOf,
} from './pods';

/** Counts up, one line each; long lines so that a torn one would show. */
export const COUNT = 'i=0; while true; do i=$((i+1)); echo "line $i $(printf %0200d $i)"; usleep 1000; done';
/** Ends with the code as soon as `/stop` is there. */
export const ends = (code: number): string => `while [ ! -e /stop ]; do usleep 20000; done; exit ${code}`;

type Input = DeepPartial<ContainerConfig>;

/** Pods and containers by what the test calls them. */
export interface Cast {
  readonly pods: Map<string, Pod>;
  /** By `<pod>/<name>`. */
  readonly containers: Map<string, string>;
}

/** Ten pods as different as pods are, with containers in every state. */
export async function startCast(node: CriNode, options: { readonly imageVolumes: boolean }): Promise<Cast> {
  const cast: Cast = { pods: new Map(), containers: new Map() };
  const { NODE, POD, CONTAINER } = NamespaceMode;
  await addPod(node, cast, 'counting');
  await addContainer(node, cast, 'counting/counter', shell('counter', COUNT));
  await addPod(node, cast, 'host-network', { hostname: '', ...namespaces({ network: NODE, pid: CONTAINER }) });
  await addContainer(node, cast, 'host-network/agent', alone('agent', 'sleep 1000'));
  await addPod(node, cast, 'shared-pid', namespaces({ pid: POD }));
  await addContainer(node, cast, 'shared-pid/first', shell('first', 'sleep 1000'));
  await addContainer(node, cast, 'shared-pid/second', shell('second', ends(42)));
  await addPod(node, cast, 'several', { annotations: { 'example.org/note': 'a<b & "c"' } });
  await addContainer(node, cast, 'several/init', alone('init', 'echo initialised'), 'ended');
  await addContainer(node, cast, 'several/failed', alone('failed', 'echo no >&2; exit 7'), 'ended');
  await addContainer(node, cast, 'several/main', alone('main', 'sleep 1000', rich(node)));
  await addContainer(node, cast, 'several/waiting', alone('waiting', 'echo started; sleep 1000'), 'created');
  await addPod(node, cast, 'terminal');
  const terminal = { tty: true, stdin: true };
  await addContainer(node, cast, 'terminal/cat', alone('cat', 'stty -echo; echo ready; exec cat', terminal));
  await addPod(node, cast, 'restarted', { labels: { app: 'restarted' } });
  for (const attempt of [0, 1, 2]) {
    const config = alone('main', attempt === 2 ? ends(3) : `exit ${attempt}`, { metadata: { name: 'main', attempt } });
    await addContainer(node, cast, `restarted/main-${attempt}`, config, attempt === 2 ? 'running' : 'ended');
  }
  await addPod(node, cast, 'stopped');
  await addContainer(node, cast, 'stopped/main', alone('main', 'sleep 1000'));
  await node.cri.runtime.stopPodSandbox({ podSandboxId: podOf(cast, 'stopped').id });
  await addPod(node, cast, 'privileged', {
    hostname: '',
    linux: { securityContext: { privileged: true, namespaceOptions: { network: NODE, pid: NODE, ipc: NODE } } },
  });
  const everything = { privileged: true, namespaceOptions: { network: NODE, pid: NODE, ipc: NODE } };
  const all = { linux: { securityContext: everything } };
  await addContainer(node, cast, 'privileged/main', shell('main', 'sleep 1000', all));
  await addPod(node, cast, 'server', {
    portMappings: [{ protocol: 0, containerPort: 80, hostPort: await freePort(), hostIp: '' }],
    linux: { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' } },
  });
  const nginx = { metadata: { name: 'nginx' }, image: { image: NGINX }, logPath: 'nginx.log', linux: {} };
  await addContainer(node, cast, 'server/nginx', ContainerConfig.fromPartial(nginx));
  await addPod(node, cast, 'volumes');
  const volume = { image: { image: NGINX }, containerPath: '/content', readonly: true };
  const mounts = options.imageVolumes ? [volume] : [];
  await addContainer(node, cast, 'volumes/main', alone('main', 'sleep 1000', { mounts }));
  return cast;
}

/** Runs a pod and remembers it. */
export async function addPod(
  node: CriNode,
  cast: Cast,
  name: string,
  input: DeepPartial<PodSandboxConfig> = {},
): Promise<Pod> {
  const pod = await runPod(node, input);
  cast.pods.set(name, pod);
  return pod;
}

/** Creates a container in a pod of the cast, brings it into the state and remembers it. */
export async function addContainer(
  node: CriNode,
  cast: Cast,
  key: string,
  config: ContainerConfig,
  state: 'created' | 'running' | 'ended' = 'running',
): Promise<string> {
  const pod = podOf(cast, key.split('/')[0] ?? '');
  const id = await (state === 'created' ? createContainer : runContainer)(node, pod, config);
  if (state === 'ended') await exitOf(node, id);
  cast.containers.set(key, id);
  return id;
}

/** The pod of that name; throws when there is none. */
export function podOf(cast: Cast, name: string): Pod {
  const pod = cast.pods.get(name);
  if (!pod) throw new Error(`no pod is called ${name}`);
  return pod;
}

/** The id of the container; throws when there is none. */
export function containerOf(cast: Cast, key: string): string {
  const id = cast.containers.get(key);
  if (id === undefined) throw new Error(`no container is called ${key}`);
  return id;
}

/** Everything that CRI tells of the cast and of images: statuses by name, lists with names for ids. */
export async function toldOf(node: CriNode, cast: Cast): Promise<unknown> {
  const pods = await Promise.all([...cast.pods].map(async ([name, pod]) => [name, await podStatusOf(node, pod)]));
  const containers = await Promise.all(
    [...cast.containers].map(async ([name, id]) => [name, await statusOf(node, id)]),
  );
  const { runtime, images } = node.cri;
  const byId = <T extends { readonly id: string }>(items: readonly T[]): unknown =>
    Object.fromEntries(items.map((item) => [nameOf(cast, item.id), item]));
  const told = {
    pods: Object.fromEntries(pods),
    containers: Object.fromEntries(containers),
    podList: byId((await runtime.listPodSandbox({ filter: undefined })).items),
    containerList: byId((await runtime.listContainers({ filter: undefined })).containers),
    images: Object.fromEntries(
      (await images.listImages({ filter: undefined })).images.map((image) => [image.id, image]),
    ),
  };
  const text = JSON.stringify(told, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
  return JSON.parse(text) as unknown;
}

function nameOf(cast: Cast, id: string): string {
  const pod = [...cast.pods].find(([, each]) => each.id === id);
  const container = [...cast.containers].find(([, each]) => each === id);
  return pod?.[0] ?? container?.[0] ?? id;
}

/** The numbers that a container with COUNT has printed; throws when a line is torn. */
export function numbersIn(pod: Pod, name: string): number[] {
  return logLines(logOf(pod, name), 'any').map(({ text, tag }) => {
    const [word, number, padded] = text.split(' ');
    if (word !== 'line' || Number(padded) !== Number(number) || padded?.length !== 200 || tag !== 'F') {
      throw new Error(`a torn line: ${text}`);
    }
    return Number(number);
  });
}

function namespaces(namespaceOptions: { network?: NamespaceMode; pid?: NamespaceMode }): DeepPartial<PodSandboxConfig> {
  return { linux: { securityContext: { namespaceOptions } } };
}

/** A shell container with a PID namespace of its own, as kubelet asks for by default. */
export function alone(name: string, script: string, input: Input = {}): ContainerConfig {
  const linux = { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } }, ...input.linux };
  return shell(name, script, { ...input, linux });
}

/** Whatever else a container may be given. */
function rich(node: CriNode): Input {
  const hostPath = join(node.dir, 'shared');
  mkdirSync(hostPath, { recursive: true });
  return {
    labels: { 'io.kubernetes.container.name': 'main', app: 'several' },
    annotations: { 'io.kubernetes.container.hash': 'abc', 'example.org/long': 'x'.repeat(5000) },
    envs: [{ key: 'GREETING', value: Buffer.from('hello') }],
    workingDir: '/tmp',
    stopSignal: Signal.SIGUSR1,
    mounts: [
      {
        hostPath,
        containerPath: '/shared',
        propagation: MountPropagation.PROPAGATION_PRIVATE,
      },
    ],
    linux: {
      resources: { cpuShares: 512n, memoryLimitInBytes: 64n << 20n, cpuPeriod: 100000n, cpuQuota: 50000n },
      securityContext: {
        namespaceOptions: { pid: NamespaceMode.CONTAINER },
        runAsUser: { value: 1000n },
        supplementalGroups: [2000n, 3000n],
        readonlyRootfs: true,
      },
    },
  };
}
