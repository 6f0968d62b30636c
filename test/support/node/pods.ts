import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  ContainerConfig,
  ContainerState,
  type ContainerStatus,
  type DeepPartial,
  ExecSyncRequest,
  PodSandboxConfig,
  type PodSandboxStatus,
} from '../../../generated/cri/v1/api';
import { RpcCallError } from '../../../src/rpc/client/rpc-call-error';
import { leftBehind } from '../daemon/leftovers';
import { until } from '../daemon/process';
import { BUSYBOX, type TestNode } from './node';

/** A node, as far as its pods are concerned: whoever serves its CRI. */
export type CriNode = Pick<TestNode, 'cri' | 'dir'>;

type PodInput = DeepPartial<PodSandboxConfig>;
type ContainerInput = DeepPartial<ContainerConfig>;

/** A pod that was started, and the configuration it was started with. */
export interface Pod {
  readonly id: string;
  readonly config: PodSandboxConfig;
}

/** The configuration of a pod with a name of its own; its log directory lies below the node's folder. */
export function podConfig(node: CriNode, input: PodInput = {}): PodSandboxConfig {
  const name = `pod-${randomBytes(4).toString('hex')}`;
  return PodSandboxConfig.fromPartial({
    metadata: { name, namespace: 'default', uid: name },
    hostname: name,
    logDirectory: join(node.dir, 'logs', name),
    linux: {},
    ...input,
  });
}

/** Runs a pod. */
export async function runPod(node: CriNode, input: PodInput = {}): Promise<Pod> {
  const config = podConfig(node, input);
  const { podSandboxId } = await node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' });
  return { id: podSandboxId, config };
}

/** Stops and removes a pod with its containers. */
export async function removePod(node: CriNode, pod: Pod): Promise<void> {
  await node.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
  await node.cri.runtime.removePodSandbox({ podSandboxId: pod.id });
}

/** Fails when pods have left anything behind. */
export async function nothingLeft(node: Pick<TestNode, 'left'>): Promise<void> {
  expect(await leftBehind(node)).toBe('0');
}

/** A busybox container that runs `script` in its shell and logs to `<name>.log`. */
export function shell(name: string, script: string, input: ContainerInput = {}): ContainerConfig {
  return ContainerConfig.fromPartial({
    metadata: { name },
    image: { image: BUSYBOX },
    command: ['sh', '-c', script],
    logPath: `${name}.log`,
    linux: {},
    ...input,
  });
}

/** Creates a container, pulling its image first when it is not here. */
export async function createContainer(node: CriNode, pod: Pod, config: ContainerConfig): Promise<string> {
  await ensurePulled(node, config.image?.image ?? '');
  const request = { podSandboxId: pod.id, config, sandboxConfig: pod.config };
  const { containerId } = await node.cri.runtime.createContainer(request);
  return containerId;
}

/** Creates a container and starts it. */
export async function runContainer(node: CriNode, pod: Pod, config: ContainerConfig): Promise<string> {
  const containerId = await createContainer(node, pod, config);
  await node.cri.runtime.startContainer({ containerId });
  return containerId;
}

/** Afterwards the image is here. */
export async function ensurePulled(node: CriNode, image: string): Promise<string> {
  const spec = { image, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' };
  const { image: found } = await node.cri.images.imageStatus({ image: spec, verbose: false });
  if (found) return found.id;
  return (await node.cri.images.pullImage({ image: spec, auth: undefined, sandboxConfig: undefined })).imageRef;
}

/** The status of a container. */
export async function statusOf(node: CriNode, containerId: string): Promise<ContainerStatus> {
  const { status } = await node.cri.runtime.containerStatus({ containerId, verbose: false });
  if (!status) throw new Error(`no status of ${containerId}`);
  return status;
}

/** The pid of a container's first process. */
export async function pidOf(node: CriNode, containerId: string): Promise<number> {
  const { info } = await node.cri.runtime.containerStatus({ containerId, verbose: true });
  return (JSON.parse(info.info ?? '{}') as { pid: number }).pid;
}

/** The status of a pod. */
export async function podStatusOf(node: CriNode, pod: Pod): Promise<PodSandboxStatus> {
  const { status } = await node.cri.runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: false });
  if (!status) throw new Error(`no status of ${pod.id}`);
  return status;
}

/** Waits until the container has ended; answers its status. */
export async function exitOf(node: CriNode, containerId: string, withinMs = 10_000): Promise<ContainerStatus> {
  await until(`${containerId} has ended`, withinMs, async () => {
    return (await statusOf(node, containerId)).state === ContainerState.CONTAINER_EXITED;
  });
  return statusOf(node, containerId);
}

/** Runs a command in a container; its output as text. */
export async function exec(
  node: CriNode,
  containerId: string,
  ...cmd: string[]
): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  const reply = await node.cri.runtime.execSync(ExecSyncRequest.fromPartial({ containerId, cmd, timeout: 20n }));
  return { stdout: reply.stdout.toString(), stderr: reply.stderr.toString(), exitCode: reply.exitCode };
}

/** One line of a CRI log, taken apart. */
export interface LogLine {
  readonly time: string;
  readonly stream: string;
  readonly tag: string;
  readonly text: string;
}

/** The lines of a log file so far; throws when one is torn or out of form. Go's writers cut zeros off their times. */
export function logLines(path: string, writer: 'crisp' | 'any' = 'crisp'): LogLine[] {
  const content = readFileSync(path, 'utf8');
  return content
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z) (stdout|stderr) ([FP]) (.*)$/.exec(line);
      const [, time = '', stream = '', tag = '', text = ''] = match ?? [];
      if (!match || (writer === 'crisp' && time.length !== 'YYYY-MM-DDTHH:MM:SS.123456789Z'.length)) {
        throw new Error(`not a log line: ${line}`);
      }
      return { time, stream, tag, text };
    });
}

/** Path of a container's log. */
export function logOf(pod: Pod, name: string): string {
  return join(pod.config.logDirectory, `${name}.log`);
}

/** Waits until crisp answers again after a start: a client's connection takes a moment to come back. */
export async function serving(node: CriNode, withinMs = 15_000): Promise<void> {
  await until('crisp serves', withinMs, async () => {
    const listed = node.cri.runtime.listPodSandbox({ filter: undefined }, { timeoutMs: 2000 });
    return listed.then(
      () => true,
      () => false,
    );
  });
}

/** The error that a call fails with; throws when it succeeds. */
export async function failure(call: Promise<unknown>): Promise<{ code: number; message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RpcCallError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the call was expected to fail');
}

/** Stops and removes every pod of the node. */
export async function removePods(node: CriNode): Promise<void> {
  const { items } = await node.cri.runtime.listPodSandbox({ filter: undefined });
  for (const { id: podSandboxId } of items) {
    await node.cri.runtime.stopPodSandbox({ podSandboxId });
    await node.cri.runtime.removePodSandbox({ podSandboxId });
  }
}
