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
import { RpcCallError } from '../../../src/rpc/rpc-call-error';
import { until } from '../daemon/process';
import { BUSYBOX, type TestNode } from './node';

type PodInput = DeepPartial<PodSandboxConfig>;
type ContainerInput = DeepPartial<ContainerConfig>;

/** A pod that was started, and the configuration it was started with. */
export interface Pod {
  readonly id: string;
  readonly config: PodSandboxConfig;
}

/** The configuration of a pod with a name of its own; its log directory lies below the node's folder. */
export function podConfig(node: TestNode, input: PodInput = {}): PodSandboxConfig {
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
export async function runPod(node: TestNode, input: PodInput = {}): Promise<Pod> {
  const config = podConfig(node, input);
  const { podSandboxId } = await node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' });
  return { id: podSandboxId, config };
}

/** Stops and removes a pod with its containers. */
export async function removePod(node: TestNode, pod: Pod): Promise<void> {
  await node.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
  await node.cri.runtime.removePodSandbox({ podSandboxId: pod.id });
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
export async function createContainer(node: TestNode, pod: Pod, config: ContainerConfig): Promise<string> {
  await ensurePulled(node, config.image?.image ?? '');
  const request = { podSandboxId: pod.id, config, sandboxConfig: pod.config };
  const { containerId } = await node.cri.runtime.createContainer(request);
  return containerId;
}

/** Creates a container and starts it. */
export async function runContainer(node: TestNode, pod: Pod, config: ContainerConfig): Promise<string> {
  const containerId = await createContainer(node, pod, config);
  await node.cri.runtime.startContainer({ containerId });
  return containerId;
}

/** Afterwards the image is here. */
export async function ensurePulled(node: TestNode, image: string): Promise<string> {
  const spec = { image, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' };
  const { image: found } = await node.cri.images.imageStatus({ image: spec, verbose: false });
  if (found) return found.id;
  return (await node.cri.images.pullImage({ image: spec, auth: undefined, sandboxConfig: undefined })).imageRef;
}

/** The status of a container. */
export async function statusOf(node: TestNode, containerId: string): Promise<ContainerStatus> {
  const { status } = await node.cri.runtime.containerStatus({ containerId, verbose: false });
  if (!status) throw new Error(`no status of ${containerId}`);
  return status;
}

/** The status of a pod. */
export async function podStatusOf(node: TestNode, pod: Pod): Promise<PodSandboxStatus> {
  const { status } = await node.cri.runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: false });
  if (!status) throw new Error(`no status of ${pod.id}`);
  return status;
}

/** Waits until the container has ended; answers its status. */
export async function exitOf(node: TestNode, containerId: string, withinMs = 10_000): Promise<ContainerStatus> {
  await until(`${containerId} has ended`, withinMs, async () => {
    return (await statusOf(node, containerId)).state === ContainerState.CONTAINER_EXITED;
  });
  return statusOf(node, containerId);
}

/** Runs a command in a container; its output as text. */
export async function exec(
  node: TestNode,
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

/** The lines of a log file so far; throws when one is torn or out of form. */
export function logLines(path: string): LogLine[] {
  const content = readFileSync(path, 'utf8');
  return content
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)$/.exec(line);
      if (!match) throw new Error(`not a log line: ${line}`);
      const [, time = '', stream = '', tag = '', text = ''] = match;
      return { time, stream, tag, text };
    });
}

/** Path of a container's log. */
export function logOf(pod: Pod, name: string): string {
  return join(pod.config.logDirectory, `${name}.log`);
}

/** Waits until crisp answers again after a start: a client's connection takes a moment to come back. */
export async function serving(node: TestNode): Promise<void> {
  await until('crisp serves', 15_000, async () => {
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
