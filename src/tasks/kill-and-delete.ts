import type { LifecycleDeps } from './deps';
import { deleteTask } from './record-exit';
import { signalTask } from './signal-task';

const SIGKILL = 9;

/**
 * Ends and deletes a task that is not watched: created but never started, or half-made. Afterwards there is no task of
 * that id. Idempotent. The undo of every step that creates one.
 */
export async function killAndDelete(
  deps: Pick<LifecycleDeps, 'containerd'>,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { tasks } = deps.containerd;
  const task = await tasks.get({ containerId: id }, { signal });
  if (task && task.status !== 'STOPPED') {
    const exit = tasks.wait({ containerId: id }, { signal }).catch(() => undefined);
    if (await signalTask(deps, { containerId: id, signal: SIGKILL, all: true }, signal)) await exit;
  }
  await deleteTask(deps, id, signal);
}
