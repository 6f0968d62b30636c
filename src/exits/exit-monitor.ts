import { setImmediate as turn } from 'node:timers/promises';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { Backoff, sleep } from '../base/wait/backoff';
import type { ContainerdClient } from '../containerd/client';
import type { Host } from '../host/machine';
import { type Exit, type Exits, LOST_EXIT_STATUS } from '../state/exits';
import { type SoughtTask, VM_SHIM_RUNS, whyNotGone } from '../tasks/task-presence';

/** How many Wait calls are begun in one turn of the event loop. */
const AT_ONCE = 4;
/** /proc cannot see into a virtual machine: there containerd's word counts once it has been the same for so long. */
const VM_AGREED_MS = 60_000;

/** What to do when a task has ended. Repeated with growing pauses until it succeeds. */
export type OnExit = (exit: Exit) => Promise<void>;

/**
 * Waits for the end of every task with one Wait call each. A Wait that fails is no exit, whatever it says: containerd may
 * have restarted, or lost its connection to the shim. It is asked again for as long as the task is watched, until another
 * question and /proc agree that the task is gone.
 */
export class ExitMonitor {
  private readonly watched = new Map<string, { readonly controller: AbortController; readonly beside?: Disposable }>();
  /** What begins to wait when it is released; undefined while nothing is held back. */
  private held: (() => void)[] | undefined;

  constructor(
    private readonly deps: {
      containerd: ContainerdClient;
      host: Pick<Host, 'processTable'>;
      exits: Exits;
      log: Logger;
    },
  ) {}

  /**
   * From now on the end of the task leads to `onExit`. Call it between creating a task and starting it. `beside` is disposed
   * of when the task is not watched any more, after `onExit` has succeeded.
   */
  watch(task: SoughtTask, onExit: OnExit, beside?: Disposable): void {
    const { id } = task;
    this.unwatch(id);
    const controller = new AbortController();
    this.watched.set(id, { controller, beside });
    this.deps.exits.expect(id);
    void this.follow(task, onExit, controller.signal);
  }

  /** Nobody cares for the end of `id` any more. */
  unwatch(id: string): void {
    const watched = this.watched.get(id);
    this.watched.delete(id);
    watched?.controller.abort(new Error('no longer watched'));
    watched?.beside?.[Symbol.dispose]();
  }

  /**
   * Until `release`, what is watched is not waited for yet: at a start, whoever calls comes first. An end in between is not
   * missed, since a Wait of a task that has ended answers at once.
   */
  hold(): void {
    this.held ??= [];
  }

  /** Begins all that was held back, a few in each turn of the event loop; resolves when all have begun. */
  async release(): Promise<void> {
    const held = this.held ?? [];
    this.held = undefined;
    while (held.length > 0) {
      for (const begin of held.splice(0, AT_ONCE)) begin();
      await turn();
    }
  }

  /** How many tasks are watched. */
  get size(): number {
    return this.watched.size;
  }

  stop(): void {
    for (const id of [...this.watched.keys()]) this.unwatch(id);
  }

  private async follow(task: SoughtTask, onExit: OnExit, signal: AbortSignal): Promise<void> {
    const { id } = task;
    const { held } = this;
    if (held) await new Promise<void>((begin) => held.push(begin));
    try {
      const exit = await this.exitOf(task, signal);
      await this.insist(id, () => onExit(exit), signal);
    } catch (error) {
      if (!signal.aborted) this.deps.log.error('an exit could not be handled', { id, error: errorMessage(error) });
    } finally {
      if (!signal.aborted) this.unwatch(id);
    }
  }

  private async exitOf(task: SoughtTask, signal: AbortSignal): Promise<Exit> {
    const { id } = task;
    const backoff = new Backoff({ firstMs: 50, maxMs: 5000 });
    const doubt = new Doubt();
    for (;;) {
      try {
        return await this.deps.containerd.tasks.wait({ containerId: id }, { signal });
      } catch (error) {
        signal.throwIfAborted();
        const why = await whyNotGone(this.deps, task);
        signal.throwIfAborted();
        if (why === undefined || (why === VM_SHIM_RUNS && doubt.heldFor(why) >= VM_AGREED_MS)) return lostExit();
        if (doubt.isNew(why)) {
          const said = errorMessage(error);
          this.deps.log.warn('waiting for a task failed, asking containerd again', { id, error: said, doubt: why });
        }
        await sleep(backoff.next(), signal);
      }
    }
  }

  private async insist(id: string, act: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: 1000, maxMs: 30_000 });
    for (;;) {
      try {
        await act();
        return;
      } catch (error) {
        signal.throwIfAborted();
        this.deps.log.warn('handling an exit failed, trying again', { id, error: errorMessage(error) });
        await sleep(backoff.next(), signal);
      }
    }
  }
}

/** Why a task may not be gone, and since when that has been the reason. */
class Doubt {
  private reason: string | undefined;
  private since = 0;

  /** True when `reason` is not the one before. */
  isNew(reason: string): boolean {
    if (reason === this.reason) return false;
    this.reason = reason;
    this.since = performance.now();
    return true;
  }

  /** For how long `reason` has been the reason, in milliseconds. */
  heldFor(reason: string): number {
    return reason === this.reason ? performance.now() - this.since : 0;
  }
}

function lostExit(): Exit {
  const exitedAt = BigInt(Date.now()) * 1_000_000n;
  return { exitStatus: LOST_EXIT_STATUS, exitedAt, vanished: true, lost: true };
}
