import { setImmediate as turn } from 'node:timers/promises';
import { Backoff, sleep } from '../base/backoff';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import type { ContainerdClient } from '../containerd/client';
import { isNotFound } from '../containerd/errors';
import { type Exit, type Exits, LOST_EXIT_STATUS } from '../state/exits';

/** How many Wait calls are begun in one turn of the event loop. */
const AT_ONCE = 4;

/** What to do when a task has ended. Repeated with growing pauses until it succeeds. */
export type OnExit = (exit: Exit) => Promise<void>;

/**
 * Waits for the end of every task with one Wait call each. A Wait that fails is no exit: the daemon may have restarted,
 * so it is asked again for as long as the task is watched.
 */
export class ExitMonitor {
  private readonly watched = new Map<string, AbortController>();
  /** What begins to wait when it is released; undefined while nothing is held back. */
  private held: (() => void)[] | undefined;

  constructor(private readonly deps: { containerd: ContainerdClient; exits: Exits; log: Logger }) {}

  /** From now on the end of `id` leads to `onExit`. Call it between creating a task and starting it. */
  watch(id: string, onExit: OnExit): void {
    this.unwatch(id);
    const controller = new AbortController();
    this.watched.set(id, controller);
    this.deps.exits.expect(id);
    void this.follow(id, onExit, controller.signal);
  }

  /** Nobody cares for the end of `id` any more. */
  unwatch(id: string): void {
    this.watched.get(id)?.abort(new Error('no longer watched'));
    this.watched.delete(id);
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

  private async follow(id: string, onExit: OnExit, signal: AbortSignal): Promise<void> {
    const { held } = this;
    if (held) await new Promise<void>((begin) => held.push(begin));
    try {
      const exit = await this.exitOf(id, signal);
      await this.insist(id, () => onExit(exit), signal);
    } catch (error) {
      if (!signal.aborted) this.deps.log.error('an exit could not be handled', { id, error: errorMessage(error) });
    } finally {
      if (!signal.aborted) this.watched.delete(id);
    }
  }

  private async exitOf(id: string, signal: AbortSignal): Promise<Exit> {
    const backoff = new Backoff({ firstMs: 50, maxMs: 5000 });
    for (;;) {
      try {
        return await this.deps.containerd.tasks.wait({ containerId: id }, { signal });
      } catch (error) {
        signal.throwIfAborted();
        if (isNotFound(error) || (await this.hasNoTask(id))) {
          const exitedAt = BigInt(Date.now()) * 1_000_000n;
          return { exitStatus: LOST_EXIT_STATUS, exitedAt, vanished: true, lost: true };
        }
        this.deps.log.warn('waiting for a task broke off, asking again', { id, error: errorMessage(error) });
        await sleep(backoff.next(), signal);
      }
    }
  }

  /** On 2.x the Wait of a container whose pod's shim has died fails for ever: only the daemon's Get knows of no task then. */
  private async hasNoTask(id: string): Promise<boolean> {
    try {
      return (await this.deps.containerd.tasks.get({ containerId: id })) === undefined;
    } catch {
      return false;
    }
  }

  private async insist(id: string, act: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: 1000, maxMs: 300_000 });
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
