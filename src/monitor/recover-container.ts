import { errorMessage } from '../base/errors';
import { parseJson } from '../base/json';
import type { ContainerRecord } from '../containerd/containers';
import type { Process } from '../containerd/tasks';
import { adoptExecs } from '../lifecycle/adopt-execs';
import { finishContainer } from '../lifecycle/finish-container';
import { clearHalfMadeTask, clearVanishedTask } from '../lifecycle/half-made-task';
import { handlerOfContainer } from '../lifecycle/handler-of-container';
import { killAndDelete } from '../lifecycle/kill-and-delete';
import { reopenStdio } from '../lifecycle/reopen-stdio';
import { type Container, type ContainerStatus, containerState } from '../model/container';
import type { Spec } from '../model/spec';
import { LOST_EXIT_STATUS } from '../state/exits';
import { CONTAINER_EXTENSION, parseContainerMetadata } from '../state/records';
import { afterwards } from './afterwards';
import { type Found, type RecoverDeps, reserveRecovered, taskOf } from './recover';
import { watchContainer } from './watch-exits';

const CLEANUP_TIMEOUT_MS = 60_000;

/** Lists one container again: its stored status, corrected by what its task says. */
export async function recoverContainer(deps: RecoverDeps, record: ContainerRecord, found: Found): Promise<void> {
  const extension = record.extensions[CONTAINER_EXTENSION];
  const metadata = extension && parseContainerMetadata(extension.value);
  if (!metadata) throw new Error('its record has no readable container metadata');
  const stored = await deps.containers.readStatus(record.id);
  const container: Container = {
    metadata,
    status: stored ?? emptyStatus(record.createdAt),
    snapshotter: record.snapshotter,
    user: userOf(record),
  };
  reserveRecovered(deps, metadata.name, metadata.id);
  deps.selinux.reserve(metadata.processLabel);
  deps.containers.add(container);
  const state = await settled(deps, container, found);
  if (typeof state === 'function') return afterwards(deps, record.id, state);
  if (state === 'settled') return;
  deps.containers.updateInMemory(container, { unknown: true });
  deps.retries.until(`the state of container ${record.id}`, () => settledLater(deps, container));
}

/** What may take its time, to be done under the container's lock. */
type Rest = () => Promise<void>;

/** Corrects the status by what the task says, or answers what has to be done for that; unknown when its shim does not answer. */
async function settled(deps: RecoverDeps, container: Container, found?: Found): Promise<'settled' | 'unknown' | Rest> {
  const task = await taskOf(deps, container.metadata.id, found);
  if (task === 'unknown') return task;
  deps.containers.updateInMemory(container, { unknown: false });
  if (task !== undefined) await withTask(deps, container, task);
  else if (await isStartCutOff(deps, container)) return () => clearCutOffStart(deps, container);
  else await withoutTask(deps, container);
  return 'settled';
}

/** The same for a container that has been listed as UNKNOWN, unless a stop or a removal has led out of that. */
async function settledLater(deps: RecoverDeps, container: Container): Promise<boolean> {
  const { id } = container.metadata;
  await using _held = await deps.locks.hold(id);
  if (deps.containers.get(id) !== container || !container.status.unknown) return true;
  const state = await settled(deps, container);
  if (typeof state === 'function') await state();
  return state !== 'unknown';
}

/** RUNNING without a task: it ended while nobody looked, and its code is lost. */
async function withoutTask(deps: RecoverDeps, container: Container): Promise<void> {
  if (containerState(container.status) !== 'RUNNING') return;
  await clearVanishedTask(deps, container.metadata.id, handlerOfContainer(deps, container));
  const finishedAt = BigInt(Date.now()) * 1_000_000n;
  await deps.containers.update(container, { pid: 0, finishedAt, exitCode: LOST_EXIT_STATUS, reason: 'Unknown' });
}

/** With its stdio open, a container that was never started is one whose start we did not survive. */
async function isStartCutOff(deps: RecoverDeps, container: Container): Promise<boolean> {
  return containerState(container.status) === 'CREATED' && (await deps.stdio.list()).includes(container.metadata.id);
}

/** Afterwards it may be started once more. */
async function clearCutOffStart(deps: RecoverDeps, container: Container): Promise<void> {
  const { id, sandboxId } = container.metadata;
  const task = { id, snapshotter: container.snapshotter, handler: handlerOfContainer(deps, container) };
  await deps.shims.deleting(sandboxId, id, async () => {
    container.halfMade = !(await clearHalfMadeTask(deps, task));
  });
  await deps.stdio.close(id);
}

async function withTask(deps: RecoverDeps, container: Container, task: Process): Promise<void> {
  const { id } = container.metadata;
  switch (task.status) {
    case 'RUNNING':
    case 'PAUSED':
    case 'PAUSING':
      return withRunningTask(deps, container, task);
    case 'STOPPED':
      return withStoppedTask(deps, container, task);
    default:
      // Created and never started: the crash came in between, and a start may be tried again. Its pipes have ended.
      await killAndDelete(deps, id, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
      await deps.stdio.close(id);
  }
}

/** Its code and time are true; what is left in the pipes still belongs into the log. What cannot be done now is tried again. */
async function withStoppedTask(deps: RecoverDeps, container: Container, task: Process): Promise<void> {
  try {
    if (container.status.finishedAt === 0n) await reopenStdio(deps, container, task);
    await finishContainer(deps, container, { exitStatus: task.exitStatus, exitedAt: task.exitedAt });
  } catch (error) {
    const { id } = container.metadata;
    deps.log.warn('the end of a container cannot be recorded yet', { id, error: errorMessage(error) });
    watchContainer(deps, deps.monitor, container);
  }
}

async function withRunningTask(deps: RecoverDeps, container: Container, task: Process): Promise<void> {
  const { status } = container;
  if (containerState(status) !== 'RUNNING' || status.pid !== task.pid) {
    // The task is the truth: we died before its start was written down.
    const startedAt = status.startedAt || (await deps.host.startedAt(task.pid)) || BigInt(Date.now()) * 1_000_000n;
    await deps.containers.update(container, { pid: task.pid, startedAt, finishedAt: 0n, exitCode: 0, reason: '' });
  }
  await deps.shims.found(container.metadata.sandboxId, container.metadata.id, task.pid);
  await reopenStdio(deps, container, task);
  watchContainer(deps, deps.monitor, container);
  await adoptExecs(deps, container.metadata.id);
}

function emptyStatus(createdAt: bigint): ContainerStatus {
  return {
    pid: 0,
    createdAt,
    startedAt: 0n,
    finishedAt: 0n,
    exitCode: 0,
    reason: '',
    message: '',
    unknown: false,
  };
}

function userOf(record: ContainerRecord): Container['user'] {
  if (!record.spec) return undefined;
  const spec = parseJson(record.spec.value.toString('utf8')) as Spec;
  if (!spec.process) return undefined;
  const { uid, gid, additionalGids = [] } = spec.process.user;
  return { uid, gid, additionalGids };
}
