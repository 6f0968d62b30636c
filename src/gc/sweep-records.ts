import type { ContainerRecord } from '../containerd/containers';
import { KIND_CONTAINER, KIND_LABEL, KIND_SANDBOX } from '../state/labels';
import { isOrphan, isOwned, type SweepDeps } from './sweep-leftovers';

/** What a call makes whose end nobody heard is committed within this. */
const COMMITTED_MS = 5 * 60_000;
/** Which part of containerd owns the record of a pod that is made of containers and tasks. */
const SANDBOXER = 'podsandbox';

export interface RecordAges {
  /** Since when this server runs, in nanoseconds since 1970: what was recorded before, its start has listed. */
  readonly since: bigint;
  readonly now?: bigint;
}

/**
 * Deletes records of creations that were undone: containerd committed them after the undo, because its answer was late or
 * lost. Of the sandbox store: what is there of a pod and nowhere else. Of containers' records: what was made since this server
 * runs, five minutes ago or more, is listed by nobody and has neither task nor process nor files.
 */
export async function sweepRecords(deps: SweepDeps, signal: AbortSignal, ages: RecordAges): Promise<void> {
  const { since, now = BigInt(Date.now()) * 1_000_000n } = ages;
  const until = now - BigInt(COMMITTED_MS) * 1_000_000n;
  await sweepContainerRecords(deps, signal, ({ createdAt }) => createdAt >= since && createdAt < until);
  if (deps.daemon.features.sandboxStore) await sweepSandboxRecords(deps, signal, until);
}

async function sweepContainerRecords(
  deps: SweepDeps,
  signal: AbortSignal,
  isLate: (record: ContainerRecord) => boolean,
): Promise<void> {
  const { containers } = deps.containerd;
  const filters = [KIND_SANDBOX, KIND_CONTAINER].map((kind) => `labels."${KIND_LABEL}"==${kind}`);
  for (const record of await containers.list(filters, { signal })) {
    const { id } = record;
    if (!isLate(record) || !(await isUndone(deps, id))) continue;
    deps.log.warn('deleting the record of a container whose creation was undone', { id });
    await containers.delete(id, { signal });
  }
}

/** Whether nothing is there but the record: a container that is listed, runs or was started is somebody's. */
async function isUndone(deps: SweepDeps, id: string): Promise<boolean> {
  if (isOwned(deps, id) || (await hasFiles(deps, id))) return false;
  if ((await deps.containerd.tasks.get({ containerId: id })) !== undefined) return false;
  if ((await deps.host.processTable()).of(id).pids.length > 0) return false;
  return !isOwned(deps, id); // asked again: the answers took their time
}

async function hasFiles({ paths, host }: SweepDeps, id: string): Promise<boolean> {
  const names = await Promise.all(paths.directoriesById().map((dir) => host.entries(dir)));
  return names.flat().includes(id);
}

/** A pod of another sandboxer may have no container record at all. */
async function sweepSandboxRecords(deps: SweepDeps, signal: AbortSignal, until: bigint): Promise<void> {
  const { sandboxStore } = deps.containerd;
  for (const { id, sandboxer, createdAt, labels } of await sandboxStore.list([], { signal })) {
    if (sandboxer !== SANDBOXER || labels[KIND_LABEL] !== KIND_SANDBOX || createdAt >= until) continue;
    if ((await hasFiles(deps, id)) || !(await isOrphan(deps, id))) continue;
    deps.log.warn('deleting the sandbox record of a pod whose creation was undone', { id });
    await sandboxStore.delete(id, { signal });
  }
}
