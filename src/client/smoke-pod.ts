import { join } from 'node:path';
import {
  CgroupDriver,
  ContainerConfig,
  ContainerStatsRequest,
  CreateContainerRequest,
  ExecSyncRequest,
  PodSandboxConfig,
  PodSandboxStatusRequest,
  RemoveContainerRequest,
  RemovePodSandboxRequest,
  RunPodSandboxRequest,
  RuntimeConfigRequest,
  StartContainerRequest,
  StatusRequest,
  StopContainerRequest,
  StopPodSandboxRequest,
  VersionRequest,
} from '../../generated/cri/v1/api';
import { RpcCallError } from '../rpc/client/rpc-call-error';
import { Code } from '../rpc/code';
import type { CriCalls } from './cri-client';
import { CALL_TIMEOUT_MS, ensureImage } from './ensure-image';
import { waitForLogLine } from './log-line';
import type { TimedStep } from './stopwatch';

/** Sandbox and pull may fetch an image first. */
const FETCH_TIMEOUT_MS = 180_000;
const LOG_TIMEOUT_MS = 10_000;
const LOG_FILE = 'smoke.log';

/** The label by which whatever smoke made is found again, also when an answer got lost. */
export const SMOKE_LABEL = 'crisp.smoke/run';

export interface SmokePod {
  /** Random; names the pod and is its label. */
  readonly name: string;
  readonly image: string;
  readonly runtimeHandler: string;
  /** An existing directory for the pod's logs. */
  readonly logDirectory: string;
  readonly signal?: AbortSignal;
}

/** Checks that the server is ready and has the image; answers the sandbox to ask for. Makes nothing but a pulled image. */
export async function prepareSmoke(cri: CriCalls, pod: SmokePod, step: TimedStep): Promise<PodSandboxConfig> {
  const options = { signal: pod.signal, timeoutMs: CALL_TIMEOUT_MS };
  await step(
    'version',
    () => cri.runtime.version(VersionRequest.fromPartial({}), options),
    (v) => `${v.runtimeName} ${v.runtimeVersion}, CRI ${v.runtimeApiVersion}`,
  );
  const cgroupParent = await step(
    'cgroup driver',
    () => cgroupParentOf(cri, options),
    (parent) => (parent === '' ? 'cgroupfs' : 'systemd'),
  );
  await step(
    'status',
    () => requireReady(cri, options),
    (conditions) => conditions.join(', '),
  );
  await step(
    'image',
    () => ensureImage(cri, pod.image, { signal: pod.signal, timeoutMs: FETCH_TIMEOUT_MS }),
    (image) => `${image.pulled ? 'pulled' : 'present'} ${shortId(image.id)}`,
  );
  return PodSandboxConfig.fromPartial({
    metadata: { name: pod.name, uid: pod.name, namespace: 'crisp-smoke' },
    hostname: pod.name,
    logDirectory: pod.logDirectory,
    labels: { [SMOKE_LABEL]: pod.name },
    linux: { cgroupParent },
  });
}

/** The life of one pod, step by step, the way kubelet drives it. Throws at the first step that fails and leaves its pod. */
export async function smokePod(cri: CriCalls, pod: SmokePod, config: PodSandboxConfig, step: TimedStep): Promise<void> {
  const { runtime } = cri;
  const options = { signal: pod.signal, timeoutMs: CALL_TIMEOUT_MS };
  const fetching = { signal: pod.signal, timeoutMs: FETCH_TIMEOUT_MS };
  const sandbox = RunPodSandboxRequest.fromPartial({ config, runtimeHandler: pod.runtimeHandler });
  const { podSandboxId } = await step(
    'run sandbox',
    () => runtime.runPodSandbox(sandbox, fetching),
    (r) => shortId(r.podSandboxId),
  );
  await step(
    'pod network',
    () => requireIp(cri, podSandboxId, options),
    (ip) => ip,
  );

  const line = `hello from ${pod.name}`;
  const created = CreateContainerRequest.fromPartial({
    podSandboxId,
    config: containerConfig(pod, line),
    sandboxConfig: config,
  });
  const { containerId } = await step(
    'create container',
    () => runtime.createContainer(created, options),
    (r) => shortId(r.containerId),
  );
  await step('start container', () =>
    runtime.startContainer(StartContainerRequest.fromPartial({ containerId }), options),
  );
  const logging = { signal: pod.signal, timeoutMs: LOG_TIMEOUT_MS };
  await step(
    'log line',
    () => waitForLogLine(join(pod.logDirectory, LOG_FILE), line, logging),
    (l) => `${l.time} ${l.text}`,
  );
  await step(
    'exec-sync',
    () => requireEcho(cri, containerId, options),
    (text) => text,
  );
  await step(
    'stats',
    () => requireStats(cri, containerId, options),
    (text) => text,
  );

  await step('stop container', () =>
    runtime.stopContainer(StopContainerRequest.fromPartial({ containerId, timeout: 5n }), options),
  );
  await step('remove container', () =>
    runtime.removeContainer(RemoveContainerRequest.fromPartial({ containerId }), options),
  );
  await step('stop sandbox', () =>
    runtime.stopPodSandbox(StopPodSandboxRequest.fromPartial({ podSandboxId }), options),
  );
  await step('remove sandbox', () =>
    runtime.removePodSandbox(RemovePodSandboxRequest.fromPartial({ podSandboxId }), options),
  );
}

interface Options {
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
}

async function requireReady({ runtime }: CriCalls, options: Options): Promise<string[]> {
  const { status } = await runtime.status(StatusRequest.fromPartial({}), options);
  const conditions = status?.conditions ?? [];
  for (const type of ['RuntimeReady', 'NetworkReady']) {
    const found = conditions.find((condition) => condition.type === type);
    if (!found?.status)
      throw new Error(`${type} is not true: ${found?.message || found?.reason || 'no such condition'}`);
  }
  return conditions.filter(({ status: holds }) => holds).map(({ type }) => type);
}

/** runc's systemd driver takes slices only; cgroupfs makes do with the runtime's own default. */
async function cgroupParentOf({ runtime }: CriCalls, options: Options): Promise<string> {
  try {
    const { linux } = await runtime.runtimeConfig(RuntimeConfigRequest.fromPartial({}), options);
    return linux?.cgroupDriver === CgroupDriver.SYSTEMD ? 'system.slice' : '';
  } catch (error) {
    // Runtimes before CRI 1.28 do not know the call; kubelet falls back to its own setting then.
    if (error instanceof RpcCallError && error.code === Code.UNIMPLEMENTED) return '';
    throw error;
  }
}

/** A process that says one line, then waits until SIGTERM; as the first of its namespace it needs a handler for that. */
function containerConfig(pod: SmokePod, line: string): ContainerConfig {
  return ContainerConfig.fromPartial({
    metadata: { name: 'smoke' },
    image: { image: pod.image },
    command: ['sh', '-c', 'trap "exit 0" TERM; echo "$LINE"; while :; do sleep 3600 & wait; done'],
    envs: [{ key: 'LINE', value: Buffer.from(line) }],
    labels: { [SMOKE_LABEL]: pod.name },
    logPath: LOG_FILE,
  });
}

async function requireIp({ runtime }: CriCalls, podSandboxId: string, options: Options): Promise<string> {
  const { status } = await runtime.podSandboxStatus(PodSandboxStatusRequest.fromPartial({ podSandboxId }), options);
  const ip = status?.network?.ip ?? '';
  if (ip === '') throw new Error('the sandbox has no IP address');
  return ip;
}

async function requireEcho({ runtime }: CriCalls, containerId: string, options: Options): Promise<string> {
  const cmd = ['sh', '-c', 'echo "$(hostname) says $LINE"'];
  const answer = await runtime.execSync(ExecSyncRequest.fromPartial({ containerId, cmd, timeout: 10n }), options);
  const text = answer.stdout.toString().trimEnd();
  if (answer.exitCode !== 0) throw new Error(`exit code ${answer.exitCode}: ${answer.stderr.toString().trimEnd()}`);
  if (!/^\S+ says hello from /.test(text)) throw new Error(`unexpected output ${JSON.stringify(text)}`);
  return text;
}

async function requireStats({ runtime }: CriCalls, containerId: string, options: Options): Promise<string> {
  const { stats } = await runtime.containerStats(ContainerStatsRequest.fromPartial({ containerId }), options);
  const bytes = stats?.memory?.workingSetBytes?.value;
  const nanoseconds = stats?.cpu?.usageCoreNanoSeconds?.value;
  if (bytes === undefined || nanoseconds === undefined) throw new Error('no memory or no CPU usage was answered');
  return `${bytes / 1024n} KiB working set, ${nanoseconds / 1000n} µs of CPU`;
}

const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 13);
