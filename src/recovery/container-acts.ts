import { errorMessage } from '../base/errors';
import { Limit } from '../base/work/limit';
import type { Process } from '../containerd/tasks';
import { watchContainer } from '../exits/watch-exits';
import { type Container, containerState } from '../model/container';
import { LOST_EXIT_STATUS } from '../state/exits';
import { clearHalfMadeTask, clearVanishedTask } from '../tasks/half-made-task';
import { handlerOfContainer } from '../tasks/handler-of-container';
import { killAndDelete } from '../tasks/kill-and-delete';
import { finishContainer } from '../tasks/record-exit';
import { adoptExecs } from './adopt-execs';
import { CLEANUP_TIMEOUT_MS, type RecoverDeps } from './recover-deps';
import { takeUpStdio } from './reopen-stdio';

/** What is done about a container once it is known what became of it (`recovery-decision.ts`). */

/** After a reboot every container has ended, and each takes looks at all processes and a call of the OCI runtime. */
const clearing = new Limit(4);

/** Its stdio is opened once it is known by which FIFOs: what is printed meanwhile waits in them. */
export async function runInDoubt(deps: RecoverDeps, container: Container): Promise<void> {
  const { status } = container;
  // Processes ran before its start was written down.
  const startedAt = status.startedAt || status.createdAt;
  deps.containers.updateInMemory(container, { startedAt });
  watchContainer(deps, deps.monitor, container);
}

/** Its exit is watched and its execs are known. `patience`: how long its output is waited for, which is taken up after that too. */
export async function runOn(
  deps: RecoverDeps,
  container: Container,
  { task, patience }: { task: Process; patience: () => Promise<void> },
): Promise<void> {
  const { id, sandboxId } = container.metadata;
  const { status } = container;
  if (containerState(status) !== 'RUNNING' || status.pid !== task.pid) {
    // The task is the truth: we died before its start was written down.
    const startedAt = status.startedAt || (await deps.host.startedAt(task.pid)) || BigInt(Date.now()) * 1_000_000n;
    const change = { pid: task.pid, startedAt, finishedAt: 0n, exitCode: 0, reason: '' };
    await deps.containers.update(container, change).catch((error: unknown) => {
      deps.log.error('the status file cannot be written', { id, error: errorMessage(error) });
      deps.containers.updateInMemory(container, change);
    });
  }
  await deps.shims.found(sandboxId, id, task.pid);
  await Promise.race([takeUpStdio(deps, container, task), patience()]);
  watchContainer(deps, deps.monitor, container);
  await adoptExecs(deps, id);
}

/** Its code and time are true; what is left in the pipes still belongs into the log. What cannot be done now is tried again. */
export async function recordEnd(deps: RecoverDeps, container: Container, task: Process): Promise<void> {
  try {
    // What it printed last is waited for, as after every end; when crisp-stdio does not come, this is tried again.
    if (container.status.finishedAt === 0n) void takeUpStdio(deps, container, task);
    deps.monitor.unwatch(container.metadata.id);
    await finishContainer(deps, container, { exitStatus: task.exitStatus, exitedAt: task.exitedAt });
  } catch (error) {
    tryAgain(deps, container, error);
  }
}

/** It ran, and nothing of it is there: it ended while nobody looked. On a full disk that is known in memory until it is not. */
export async function recordLostEnd(deps: RecoverDeps, container: Container): Promise<void> {
  const { id } = container.metadata;
  try {
    const reason = 'containerd has no task, and its shim has ended';
    const handler = handlerOfContainer(deps, container);
    await clearing.run(() => clearVanishedTask(deps, id, { handler, reason }));
    const exitedAt = BigInt(Date.now()) * 1_000_000n;
    deps.monitor.unwatch(id);
    const startedAt = container.status.startedAt || container.status.createdAt;
    deps.containers.updateInMemory(container, { startedAt, finishedAt: 0n });
    await finishContainer(deps, container, { exitStatus: LOST_EXIT_STATUS, exitedAt, lost: true });
  } catch (error) {
    tryAgain(deps, container, error);
  }
}

function tryAgain(deps: RecoverDeps, container: Container, error: unknown): void {
  const { id } = container.metadata;
  deps.log.warn('the end of a container cannot be recorded yet', { id, error: errorMessage(error) });
  watchContainer(deps, deps.monitor, container);
}

/** Created and never started: the crash came in between, and a start may be tried again. Its pipes have ended. */
export async function deleteUnstarted(deps: RecoverDeps, container: Container): Promise<void> {
  const { id } = container.metadata;
  await killAndDelete(deps, id, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
  await deps.stdio.close(id);
}

/** With its stdio open, a container that was never started is one whose start crisp did not survive. */
async function isStartCutOff(deps: RecoverDeps, container: Container): Promise<boolean> {
  return (await deps.stdio.list()).includes(container.metadata.id);
}

/** Afterwards it may be started, once more if a start of it was cut off. */
export async function clearCutOffStart(deps: RecoverDeps, container: Container): Promise<void> {
  const { id, sandboxId } = container.metadata;
  if (!(await isStartCutOff(deps, container))) return;
  const task = { id, snapshotter: container.snapshotter, handler: handlerOfContainer(deps, container) };
  await deps.shims.deleting(sandboxId, id, async () => {
    container.halfMade = !(await clearHalfMadeTask(deps, task));
  });
  await deps.stdio.close(id);
}
