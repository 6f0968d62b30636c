import { errorMessage } from '../base/errors';
import { Backoff, sleep } from '../base/wait/backoff';
import { isDeadlineExceeded } from '../containerd/errors';
import type { Tasks } from '../containerd/tasks';
import type { Host } from '../host/machine';
import type { ProcessId, ShimTree, SoughtShim } from '../host/process/silent-shim';
import type { Exit } from '../state/exits';
import type { LifecycleDeps } from './deps';
import type { SoughtTask } from './task-presence';

/** Pauses between looks at /proc while the exit of a killed task is awaited. A look costs more than the rest of a stop. */
const LOOKS = { firstMs: 2000, maxMs: 8000 };
/** A shim reports an exit within milliseconds. A shim that has not done so for this long never does. */
export const UNREPORTED_MS = 10_000;
/** How long a shim may take to say whether its task runs. containerd answers in its place after two seconds. */
const ASK_MS = 5000;
/** 128 + SIGKILL: the exit code that shells and CRI runtimes report for a killed process. */
const KILLED = 137;

/** A task that was killed, and what is known of it besides. */
export interface KilledTask extends SoughtTask {
  /** The shim it is in. */
  readonly shim: SoughtShim;
  /** The whole pod is being stopped: crisp does not wait for a shim that does not answer. */
  readonly podEnds: boolean;
}

type Deps = Pick<LifecycleDeps, 'log'> & {
  readonly containerd: { readonly tasks: Pick<Tasks, 'get'> };
  readonly host: Pick<Host, 'processTable' | 'shimTree' | 'killProcesses' | 'killStrays'>;
};

/**
 * Resolves with the exit of a killed task when /proc has none of its processes and its shim does not report the exit. Rejects
 * with the signal's reason. While a call of the OCI runtime hangs (an exec on a disk that does not answer), runc's shim reports no
 * exit: this kills the call, and the shim goes on. When the whole pod is being stopped and the shim does not answer, the shim has
 * not passed on SIGKILL either: this sends it. For a task whose processes are not in this host's /proc, this only waits.
 */
export async function unreportedExit(deps: Deps, task: KilledTask, signal: AbortSignal): Promise<Exit> {
  const seen = new Silence(deps, task);
  for (;;) {
    await sleep(seen.looks.next(), signal);
    const exit = await seen.look();
    signal.throwIfAborted();
    if (exit) return exit;
  }
}

/** What looks at one task have found so far. */
class Silence {
  readonly looks = new Backoff(LOOKS);
  /** Since when no process of it is there, on the clock of `performance`. */
  private goneSince: number | undefined;
  private goneAt = 0n;
  private calls: readonly ProcessId[] = [];
  private callsKilled = false;
  private processesKilled = false;
  private readonly since = performance.now();

  constructor(
    private readonly deps: Deps,
    private readonly task: KilledTask,
  ) {}

  /** Its end, when that is certain. */
  async look(): Promise<Exit | undefined> {
    const { deps, task } = this;
    if (!task.hostProcesses) return undefined;
    try {
      const { pids } = (await deps.host.processTable()).of(task.id, task.shimIds);
      if (pids.length > 0) {
        this.goneSince = undefined;
        await this.killProcesses();
        return undefined;
      }
      if (this.goneSince === undefined) await this.begin();
      const isLate = performance.now() - (this.goneSince ?? 0) >= UNREPORTED_MS;
      // A shim that did not pass on the SIGKILL has had its time.
      return isLate || this.processesKilled ? await this.end(isLate) : undefined;
    } catch (error) {
      deps.log.debug('it cannot be seen whether a task has ended', { id: task.id, error: errorMessage(error) });
      return undefined;
    }
  }

  /** Sends SIGKILL in place of a shim that does not answer. Only in a pod that is being stopped. */
  private async killProcesses(): Promise<void> {
    const { deps, task } = this;
    if (this.processesKilled || !task.podEnds || performance.now() - this.since < UNREPORTED_MS) return;
    if ((await this.askShim()) !== 'nothing') return;
    this.processesKilled = true;
    this.looks.reset();
    const pids = await deps.host.killStrays(task.id);
    deps.log.warn('killed the processes of a task without its shim, which does not answer', { id: task.id, pids });
  }

  private async begin(): Promise<void> {
    const { id, shim } = this.task;
    this.calls = (await this.deps.host.shimTree(id, shim))?.calls ?? [];
    this.goneAt = BigInt(Date.now()) * 1_000_000n;
    this.goneSince = performance.now();
  }

  private async end(isLate: boolean): Promise<Exit | undefined> {
    const { deps, task } = this;
    const tree = await deps.host.shimTree(task.id, task.shim);
    if (!tree) return undefined; // the shim has died: containerd reports the exits of its tasks
    if (await this.killHungCalls(tree)) return undefined;
    const said = await this.askShim();
    const isCertain = said === 'nothing' ? task.podEnds : isLate && said === 'it runs';
    if (!isCertain) return undefined;
    deps.log.warn('a task has ended, and its shim does not report the exit', { id: task.id, shim: tree.shim.pid });
    return { exitStatus: KILLED, exitedAt: this.goneAt, unreported: true };
  }

  /** Whether the shim has just been freed of what held it up: then it gets its time again. */
  private async killHungCalls({ calls }: ShimTree): Promise<boolean> {
    const { deps, task } = this;
    if (this.callsKilled) return false;
    const hung = calls.filter(({ pid, startTime }) =>
      this.calls.some((before) => before.pid === pid && before.startTime === startTime),
    );
    if (hung.length === 0) return false;
    this.callsKilled = true;
    const pids = await deps.host.killProcesses(hung);
    deps.log.warn('killed a call of the OCI runtime that keeps a shim from reporting exits', { id: task.id, pids });
    this.goneSince = performance.now();
    return true;
  }

  private async askShim(): Promise<'it runs' | 'it ended' | 'nothing' | 'containerd fails'> {
    const { containerd } = this.deps;
    try {
      const task = await containerd.tasks.get({ containerId: this.task.id }, { timeoutMs: ASK_MS });
      if (task?.status === 'UNKNOWN') return 'nothing'; // what containerd answers for a shim that does not
      return task === undefined || task.status === 'STOPPED' ? 'it ended' : 'it runs';
    } catch (error) {
      return isDeadlineExceeded(error) ? 'nothing' : 'containerd fails';
    }
  }
}
