import { parseJson } from '../base/json';
import type { ContainerRecord } from '../containerd/containers';
import { killAndDelete } from '../lifecycle/kill-and-delete';
import { hasPodNetwork } from '../lifecycle/pod-network-config';
import { removeSandboxParts } from '../lifecycle/remove-sandbox';
import { storedResources } from '../lifecycle/sandbox-resources';
import { takeDownNetwork } from '../lifecycle/teardown-sandbox';
import type { Sandbox, SandboxMetadata, SandboxStatus } from '../model/sandbox';
import type { Spec } from '../model/spec';
import { SHIM_GROUP } from '../oci/annotations';
import { parseSandboxMetadata, SANDBOX_EXTENSION } from '../state/records';
import { type RecoverDeps, reserveRecovered, taskOf } from './recover';
import { watchSandbox } from './watch-exits';

const CLEANUP_TIMEOUT_MS = 60_000;

/** Lists one pod again by its pause container: READY when its task runs, else NOTREADY with the task put away. */
export async function recoverSandbox(deps: RecoverDeps, record: ContainerRecord): Promise<void> {
  const extension = record.extensions[SANDBOX_EXTENSION];
  const metadata = extension && parseSandboxMetadata(extension.value);
  if (!metadata) throw new Error('its record has no readable sandbox metadata');
  const status = { ...(await statusOf(deps, record)), ...(await storedResources(deps, metadata.id)) };
  const sandbox: Sandbox = { metadata: await withNetwork(deps, metadata), status, shimGroup: shimGroupOf(record) };
  reserveRecovered(deps, metadata.name, metadata.id);
  deps.selinux.reserve(metadata.processLabel);
  // Without a task it is in no shim.
  if (sandbox.status.state !== 'NOTREADY' || sandbox.status.exitedAt !== 0n) restoreShim(deps, sandbox);
  deps.sandboxes.add(sandbox);
  if (sandbox.status.state === 'READY') watchSandbox(deps, deps.monitor, sandbox);
  if (sandbox.status.state !== 'UNKNOWN') return;
  deps.retries.until(`the state of pod ${record.id}`, () => settledLater(deps, sandbox, record));
}

/** The other pod in whose shim this one is, by the spec that the shim was given. */
function shimGroupOf({ spec }: ContainerRecord): string | undefined {
  if (!spec?.value.includes(SHIM_GROUP)) return undefined; // as all of them, mostly: not worth parsing
  return (parseJson(spec.value.toString()) as Spec).annotations?.[SHIM_GROUP];
}

function restoreShim(deps: RecoverDeps, { metadata, shimGroup }: Sandbox): void {
  const handler = deps.handlers.find(metadata.runtimeHandler) ?? deps.handlers.default;
  deps.shims.restore(metadata.id, shimGroup ?? metadata.id, handler);
}

/** A pod whose shim did not answer is asked again, unless a stop or a removal has led out of that. */
async function settledLater(deps: RecoverDeps, sandbox: Sandbox, record: ContainerRecord): Promise<boolean> {
  const { id } = sandbox.metadata;
  await using _held = await deps.locks.hold(id);
  if (deps.sandboxes.get(id) !== sandbox || sandbox.status.state !== 'UNKNOWN') return true;
  const status = await statusOf(deps, record);
  if (status.state === 'UNKNOWN') return false;
  deps.sandboxes.update(id, status);
  if (status.state === 'READY') watchSandbox(deps, deps.monitor, sandbox);
  return true;
}

/** On 2.x the network of a pod stands in the daemon's sandbox store, which is written after CNI has answered. */
async function withNetwork(deps: RecoverDeps, metadata: SandboxMetadata): Promise<SandboxMetadata> {
  if (!deps.daemon.features.sandboxStore || metadata.ip !== '') return metadata;
  const stored = await deps.containerd.sandboxStore.get(metadata.id);
  const extension = stored?.extensions.metadata;
  return (extension && parseSandboxMetadata(extension.value)) ?? metadata;
}

async function statusOf(deps: RecoverDeps, record: ContainerRecord): Promise<SandboxStatus> {
  const gone = { state: 'NOTREADY', pid: 0, createdAt: record.createdAt, exitedAt: 0n, exitStatus: 0 } as const;
  const task = await taskOf(deps, record.id);
  if (task === 'unknown') return { ...gone, state: 'UNKNOWN' };
  if (task === undefined) return gone;
  if (task.status === 'RUNNING' || task.status === 'PAUSED') return { ...gone, state: 'READY', pid: task.pid };
  // One that has ended stays for StopPodSandbox: other tasks may still be in its shim.
  if (task.status !== 'STOPPED') await killAndDelete(deps, record.id, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
  return { ...gone, exitedAt: task.exitedAt, exitStatus: task.exitStatus };
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
