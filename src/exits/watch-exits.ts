import type { Container } from '../model/container';
import type { Sandbox } from '../model/sandbox';
import { finishSandbox } from '../pods/finish-sandbox';
import type { Exit } from '../state/exits';
import type { LifecycleDeps } from '../tasks/deps';
import { clearVanishedTask } from '../tasks/half-made-task';
import { handlerOfContainer } from '../tasks/handler-of-container';
import { watchOomKills } from '../tasks/oom-kills';
import { finishContainer } from '../tasks/record-exit';
import { pauseTaskOf, taskOfContainer } from '../tasks/task-presence';
import type { ExitMonitor } from './exit-monitor';

/** Why a vanished task's processes may be killed: the exit monitor has made sure of it. */
const reason = 'containerd has no task, and its shim has ended';

/** From now on the end of this container's task is recorded, under the container's lock, and kills for memory are seen. */
export function watchContainer(deps: LifecycleDeps, monitor: ExitMonitor, container: Container): void {
  const { id } = container.metadata;
  const onExit = async (exit: Exit): Promise<void> => {
    await using _held = await deps.locks.hold(id);
    if (exit.vanished) await clearVanishedTask(deps, id, { handler: handlerOfContainer(deps, container), reason });
    await finishContainer(deps, container, exit);
  };
  monitor.watch(taskOfContainer(deps, container), onExit, watchOomKills(deps, container));
}

/** From now on the end of this sandbox's pause task is recorded, under the sandbox's lock. */
export function watchSandbox(deps: LifecycleDeps, monitor: ExitMonitor, sandbox: Sandbox): void {
  const { id, runtimeHandler } = sandbox.metadata;
  monitor.watch(pauseTaskOf(deps, sandbox), async (exit) => {
    await using _held = await deps.locks.hold(id);
    if (exit.vanished) await clearVanishedTask(deps, id, { handler: deps.handlers.ofPod(runtimeHandler), reason });
    await finishSandbox(deps, sandbox, exit);
  });
}
