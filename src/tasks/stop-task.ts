import { asOnlyLimit, isOnlyLimit, withDeadline } from '../base/wait/deadline';
import type { Container } from '../model/container';
import { containerState } from '../model/container';
import { type Exit, LOST_EXIT_STATUS } from '../state/exits';
import type { LifecycleDeps } from './deps';
import { type ClearDeps, clearFailedStart } from './failed-start';
import { killLeftovers } from './half-made-task';
import { finishContainer } from './record-exit';
import { signalTask } from './signal-task';
import { taskOfContainer } from './task-presence';
import { type KilledTask, unreportedExit } from './unreported-exit';

const SIGKILL = 9;

type Deps = ClearDeps & Pick<LifecycleDeps, 'exits' | 'stdio' | 'locks' | 'sandboxes'>;

export interface StopOptions {
  /** Time between the stop signal and SIGKILL; 0: SIGKILL at once. */
  readonly timeoutMs: number;
  /** Number of the stop signal. */
  readonly stopSignal: number;
  /** Fires for certain: nothing else ends the wait for a process in uninterruptible sleep, or for a shim that hangs. */
  readonly signal: AbortSignal;
}

/**
 * Ends a container's task. Afterwards its exit is recorded; a container that does not run is left as it is. The stop
 * signal is sent once however often this is called, and a later call with a shorter time still escalates. The caller
 * must not hold the container's lock: recording the exit takes it.
 */
export async function stopTask(deps: Deps, container: Container, options: StopOptions): Promise<void> {
  const { id } = container.metadata;
  const state = containerState(container.status);
  if (state === 'UNKNOWN') return killUnknown(deps, container, options.signal);
  if (state !== 'RUNNING') return;
  if (options.timeoutMs > 0) {
    await sendStopSignal(deps, container, options);
    if (await endsWithin(deps, id, options.timeoutMs, options.signal)) return;
  }
  await killTask(
    deps,
    killedTask(deps, container),
    async (exit) => {
      await using _held = await deps.locks.hold(id, options.signal);
      await finishContainer(deps, container, exit);
    },
    options.signal,
  );
}

function killedTask(deps: Deps, container: Container): KilledTask {
  const { sandboxId } = container.metadata;
  const pod = deps.sandboxes.get(sandboxId);
  const shim = deps.shims.soughtShim(sandboxId, pod?.shimGroup);
  return { ...taskOfContainer(deps, container), shim, podEnds: pod?.stopping === true };
}

/** Once, however many stops there are; one that could not be sent is sent by the next. */
async function sendStopSignal(
  deps: Pick<Deps, 'containerd'>,
  container: Container,
  options: StopOptions,
): Promise<void> {
  if (container.stopSignalSent) return;
  const { id } = container.metadata;
  container.stopSignalSent = true;
  try {
    await signalTask(deps, { containerId: id, signal: options.stopSignal }, options.signal);
  } catch (error) {
    container.stopSignalSent = false;
    throw error;
  }
}

/**
 * Sends SIGKILL to a task and waits until its exit is recorded. A task that is gone is fine. What runs of one that containerd
 * has lost is killed without containerd: the caller has been told to end it. An exit that the shim does not report is recorded
 * by `onUnreported`. `signal`: as of a stop.
 */
export async function killTask(
  deps: Pick<Deps, 'containerd' | 'exits' | 'host' | 'log'>,
  task: KilledTask,
  onUnreported: (exit: Exit) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const settled = new AbortController();
  const any = AbortSignal.any([signal, settled.signal]);
  const either = isOnlyLimit(signal) ? asOnlyLimit(any) : any;
  const told = killUntilTold(deps, task.id, either);
  const unreported = unreportedExit(deps, task, either);
  try {
    const exit = await Promise.race([told, unreported]);
    if (exit) await onUnreported(exit);
  } finally {
    settled.abort(new Error('the task has ended'));
    await Promise.allSettled([told, unreported]);
  }
}

async function killUntilTold(
  deps: Pick<Deps, 'containerd' | 'exits' | 'host' | 'log'>,
  id: string,
  signal: AbortSignal,
): Promise<undefined> {
  const sent = await signalTask(deps, { containerId: id, signal: SIGKILL }, signal);
  if (!sent && deps.exits.isExpected(id))
    await killLeftovers(deps, id, 'it is to be stopped, and containerd has no task');
  await deps.exits.settled(id, signal);
  return undefined;
}

async function endsWithin(deps: Pick<Deps, 'exits'>, id: string, ms: number, signal: AbortSignal): Promise<boolean> {
  const deadline = withDeadline(signal, ms, `waiting for "${id}" to end`);
  try {
    await deps.exits.settled(id, deadline.signal);
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  } finally {
    deadline.cancel();
  }
}

/** Whatever task there is of an UNKNOWN container gets killed, and the container is EXITED. */
async function killUnknown(deps: Deps, container: Container, signal: AbortSignal): Promise<void> {
  const { id } = container.metadata;
  await using _held = await deps.locks.hold(id, signal);
  if (container.failedStart !== undefined) return clearFailedStart(deps, container, signal);
  const { tasks } = deps.containerd;
  const task = await tasks.get({ containerId: id }, { signal });
  if (!task) await killLeftovers(deps, id, 'it is to be stopped, and containerd has no task');
  let exit: Exit = { exitStatus: LOST_EXIT_STATUS, exitedAt: BigInt(Date.now()) * 1_000_000n, lost: true };
  if (task && task.status !== 'STOPPED') {
    const sent = await signalTask(deps, { containerId: id, signal: SIGKILL, all: true }, signal);
    if (sent) exit = await tasks.wait({ containerId: id }, { signal });
  }
  await finishContainer(deps, container, exit);
}
