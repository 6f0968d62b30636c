import { parseJson } from '../base/json';
import type { ContainerRecord } from '../containerd/containers';
import type { SandboxRecord } from '../containerd/sandbox-store';
import type { TaskStatus } from '../containerd/tasks';
import { clearHalfMadeTask } from '../lifecycle/half-made-task';
import { INFRA_LABEL, isPinned, markWithInfra, WITHOUT_INFRA } from '../lifecycle/infra-container';
import { killAndDelete } from '../lifecycle/kill-and-delete';
import { ensurePodLease } from '../lifecycle/pod-lease';
import { hasPodNetwork } from '../lifecycle/pod-network-config';
import { removeSandboxParts } from '../lifecycle/remove-sandbox';
import { storedResources } from '../lifecycle/sandbox-resources';
import { sharesHostIpc } from '../lifecycle/shares-host-ipc';
import { takeDownNetwork } from '../lifecycle/teardown-sandbox';
import type { Sandbox, SandboxMetadata } from '../model/sandbox';
import type { Spec } from '../model/spec';
import { SHIM_GROUP } from '../oci/annotations';
import { parseSandboxMetadata, SANDBOX_EXTENSION } from '../state/records';
import type { UpdatedResources } from '../state/updated-resources';
import { afterwards } from './afterwards';
import { type Found, type RecoverDeps, reserveRecovered, taskOf } from './recover';
import { watchSandbox } from './watch-exits';

const CLEANUP_TIMEOUT_MS = 60_000;
const RUNS: ReadonlySet<TaskStatus> = new Set<TaskStatus>(['RUNNING', 'PAUSED', 'PAUSING']);

/**
 * Lists one pod again by its pause container: READY when its task runs, or when it has none and its namespaces are there,
 * else NOTREADY with the task put away.
 */
export async function recoverSandbox(deps: RecoverDeps, record: ContainerRecord, found: Found): Promise<void> {
  const extension = record.extensions[SANDBOX_EXTENSION];
  const metadata = extension && parseSandboxMetadata(extension.value);
  if (!metadata) throw new Error('its record has no readable sandbox metadata');
  const { status, withoutInfra } = await lookAt(deps, record, { metadata, found });
  const sandbox: Sandbox = {
    metadata: await withNetwork(deps, metadata, found),
    status: { ...status, ...(await resourcesOf(deps, metadata.id, found)) },
    withoutInfra,
    shimGroup: shimGroupOf(record),
  };
  reserveRecovered(deps, metadata.name, metadata.id);
  deps.selinux.reserve(metadata.processLabel);
  // Without a task it is in no shim.
  if (sandbox.status.state !== 'NOTREADY' || sandbox.status.exitedAt !== 0n) restoreShim(deps, sandbox);
  deps.sandboxes.add(sandbox);
  const { state, exitedAt } = sandbox.status;
  if (state === 'NOTREADY' && exitedAt === 0n && !sandbox.withoutInfra)
    await withoutTask(deps, sandbox, record.snapshotter);
  if (sandbox.status.state === 'READY') await takeUp(deps, sandbox, found);
  if (sandbox.status.state !== 'UNKNOWN') return;
  deps.retries.until(`the state of pod ${record.id}`, () => settledLater(deps, sandbox, record));
}

/** The other pod in whose shim this one is, by the spec that the shim was given. */
function shimGroupOf({ spec }: ContainerRecord): string | undefined {
  if (!spec?.value.includes(SHIM_GROUP)) return undefined; // as all of them, mostly: not worth parsing
  return (parseJson(spec.value.toString()) as Spec).annotations?.[SHIM_GROUP];
}

function restoreShim(deps: RecoverDeps, { metadata, shimGroup }: Sandbox): void {
  const handler = deps.handlers.ofPod(metadata.runtimeHandler);
  deps.shimGroups.restore(metadata.id, shimGroup ?? metadata.id, handler);
}

/** A pod whose shim did not answer is asked again, unless a stop or a removal has led out of that. */
async function settledLater(deps: RecoverDeps, sandbox: Sandbox, record: ContainerRecord): Promise<boolean> {
  const { id } = sandbox.metadata;
  await using _held = await deps.locks.hold(id);
  if (deps.sandboxes.get(id) !== sandbox || sandbox.status.state !== 'UNKNOWN') return true;
  const { status, withoutInfra } = await lookAt(deps, record, { metadata: sandbox.metadata });
  if (status.state === 'UNKNOWN') return false;
  sandbox.withoutInfra = withoutInfra;
  deps.sandboxes.update(id, status);
  if (status.state === 'READY') await takeUp(deps, sandbox);
  return true;
}

/** A pod that runs is watched, and has what containers are made under. */
async function takeUp(deps: RecoverDeps, sandbox: Sandbox, found?: Found): Promise<void> {
  if (!sandbox.withoutInfra) watchSandbox(deps, deps.monitor, sandbox);
  if (!found?.leases.has(sandbox.metadata.id)) await ensurePodLease(deps, sandbox.metadata.id);
}

/** On 2.x the network of a pod stands in the daemon's sandbox store, which is written after CNI has answered. */
async function withNetwork(deps: RecoverDeps, metadata: SandboxMetadata, found: Found): Promise<SandboxMetadata> {
  if (metadata.ip !== '') return metadata;
  const stored = await storedSandbox(deps, metadata.id, found);
  const extension = stored?.extensions.metadata;
  return (extension && parseSandboxMetadata(extension.value)) ?? metadata;
}

/** A pod is found again without them, too. */
async function resourcesOf(deps: RecoverDeps, id: string, found: Found): Promise<UpdatedResources> {
  return storedResources(deps, id, await storedSandbox(deps, id, found).catch(() => undefined));
}

async function storedSandbox(deps: RecoverDeps, id: string, { stored }: Found): Promise<SandboxRecord | undefined> {
  if (!deps.daemon.features.sandboxStore) return undefined;
  if (stored) return stored.get(id);
  return deps.containerd.sandboxStore.get(id);
}

type Look = Pick<Sandbox, 'status' | 'withoutInfra'>;

/** Whether there is a pause task and what became of it; the task itself tells, since a pod may have got one meanwhile. */
async function lookAt(
  deps: RecoverDeps,
  record: ContainerRecord,
  { metadata, found }: { metadata: SandboxMetadata; found?: Found },
): Promise<Look> {
  const gone = { state: 'NOTREADY', pid: 0, createdAt: record.createdAt, exitedAt: 0n, exitStatus: 0 } as const;
  const marked = record.labels[INFRA_LABEL] === WITHOUT_INFRA;
  const task = await taskOf(deps, record.id, found);
  if (task === 'unknown') return { status: { ...gone, state: 'UNKNOWN' } };
  const runs = task !== undefined && RUNS.has(task.status);
  // Created and never started: the crash came in between.
  const unstarted = task !== undefined && !runs && task.status !== 'STOPPED';
  if (unstarted) await killAndDelete(deps, record.id, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
  if (marked && (task === undefined || unstarted)) {
    const state = (await isPinned(deps, metadata)) ? 'READY' : 'NOTREADY';
    return { status: { ...gone, state }, withoutInfra: true };
  }
  if (marked) await markWithInfra(deps, record.id);
  if (task === undefined) return { status: gone };
  if (runs) return { status: { ...gone, state: 'READY', pid: task.pid } };
  // One that has ended stays for StopPodSandbox: other tasks may still be in its shim.
  return { status: { ...gone, exitedAt: task.exitedAt, exitStatus: task.exitStatus } };
}

/** A pod that has not been taken down and has no task: we died while its task was being created. */
async function withoutTask(deps: RecoverDeps, sandbox: Sandbox, snapshotter: string): Promise<void> {
  const { id, runtimeHandler } = sandbox.metadata;
  if (!(await isWired(deps, sandbox))) return;
  const task = { id, snapshotter, handler: deps.handlers.ofPod(runtimeHandler) };
  await afterwards(deps, id, async () => {
    sandbox.halfMade = !(await clearHalfMadeTask(deps, task));
  });
}

/** Neither stopped nor of before a reboot: then it has its network namespace, or on the node's network its /dev/shm. */
async function isWired({ host, paths }: RecoverDeps, { metadata }: Sandbox): Promise<boolean> {
  const { id, netnsPath, config } = metadata;
  if (netnsPath !== '') return host.isNetns(netnsPath);
  return sharesHostIpc(config) || host.isMountPoint(paths.shm(id));
}

/** A journal without a pause container: we died while making it. Runs the same undos as the failed story would have. */
export async function finishHalfMadeSandbox(
  deps: RecoverDeps,
  entry: { id: string; metadata?: SandboxMetadata },
): Promise<void> {
  const { id, metadata } = entry;
  if (!metadata) {
    deps.log.warn('a journal file cannot be read, it is removed', { id });
    return deps.sandboxes.forget(id);
  }
  const now = BigInt(Date.now()) * 1_000_000n;
  const sandbox: Sandbox = {
    // The journal may be older than the namespace: its path follows from the id.
    metadata: { ...metadata, netnsPath: hasPodNetwork(metadata.config) ? deps.paths.netns(id) : '' },
    status: { state: 'NOTREADY', pid: 0, createdAt: now, exitedAt: now, exitStatus: 0 },
  };
  reserveRecovered(deps, metadata.name, id);
  deps.selinux.reserve(metadata.processLabel);
  deps.sandboxes.add(sandbox);
  const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
  await takeDownNetwork(deps, sandbox, signal);
  await removeSandboxParts(deps, sandbox, signal);
  deps.log.info('finished a half-made sandbox', { id, name: metadata.name });
}
