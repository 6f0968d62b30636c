/** The exit status of a task whose end nobody saw: what CRI runtimes report for "unknown". */
export const LOST_EXIT_STATUS = 255;

/** How a task ended. */
export interface Exit {
  readonly exitStatus: number;
  /** Nanoseconds since 1970. */
  readonly exitedAt: bigint;
  /** containerd knows the task no more: its code is lost, and `exitStatus` says nothing. */
  readonly lost?: boolean;
  /** containerd knows of no task any more: what it ran may still be there. */
  readonly vanished?: boolean;
  /** /proc shows it, and the shim does not report it. The task cannot be deleted: it stays in that shim. */
  readonly unreported?: boolean;
}

/** Who waits for the end of which task. An exit counts once its consequences are recorded, not when it is heard of. */
export class Exits {
  private readonly waiting = new Map<string, Set<() => void>>();
  private readonly open = new Set<string>();

  /** Afterwards `id` has a task whose end is watched for. */
  expect(id: string): void {
    this.open.add(id);
  }

  /** The end of `id` has been recorded, or there is nothing to wait for any more: everyone waiting goes on. */
  settle(id: string): void {
    this.open.delete(id);
    const waiters = this.waiting.get(id);
    this.waiting.delete(id);
    for (const wake of waiters ?? []) wake();
  }

  /** Whether the end of `id` is still to be recorded. */
  isExpected(id: string): boolean {
    return this.open.has(id);
  }

  /** How many ends are expected. */
  get size(): number {
    return this.open.size;
  }

  /** Resolves when the end of `id` is recorded, at once when none is expected; rejects with the signal's reason. */
  settled(id: string, signal: AbortSignal): Promise<void> {
    if (!this.open.has(id)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const waiters = this.waiting.get(id) ?? new Set();
      this.waiting.set(id, waiters);
      const wake = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        waiters.delete(wake);
        reject(signal.reason);
      };
      waiters.add(wake);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
