import type { KeyedMutex } from '../base/keyed-mutex';
import type { SandboxStore } from '../state/sandbox-store';
import type { Host } from './host';

/** A shim that has no task left ends at once; one that does not is met by the next task as it is. */
const END_TIMEOUT_MS = 2000;

/**
 * The shims of pods without a pause task. Such a shim comes with the pod's first task and goes with its last one; a task
 * that is made while it goes would be made in a shim that is no more. So tasks of one pod are made and deleted one at a
 * time, and the last deletion ends with the shim. Pods with a pause task have one shim all along and are let through.
 */
export class PodShims {
  private readonly pods = new Map<string, { pid?: number; readonly tasks: Set<string> }>();

  constructor(
    private readonly deps: {
      readonly sandboxes: SandboxStore;
      readonly locks: KeyedMutex;
      readonly host: Pick<Host, 'parentOf' | 'untilGone'>;
    },
  ) {}

  /** How many pods have a shim that is kept in mind. */
  get size(): number {
    return this.pods.size;
  }

  /** Creates a task of the pod by `act`, which answers the pid of its first process. */
  async creating<T extends { pid: number }>(podId: string, taskId: string, act: () => Promise<T>): Promise<T> {
    if (!this.concerns(podId)) return act();
    await using _held = await this.deps.locks.hold(`shim/${podId}`);
    this.shimOf(podId).tasks.add(taskId); // also when it fails: something of it may be there
    const made = await act();
    await this.learnPid(podId, made.pid);
    return made;
  }

  /** Deletes a task of the pod by `act`. When that was its last, the shim has ended afterwards. */
  async deleting(podId: string, taskId: string, act: () => Promise<void>): Promise<void> {
    if (!this.concerns(podId)) return act();
    await using _held = await this.deps.locks.hold(`shim/${podId}`);
    await act();
    const shim = this.pods.get(podId);
    if (!shim?.tasks.delete(taskId) || shim.tasks.size > 0) return;
    this.pods.delete(podId);
    if (shim.pid !== undefined) await this.deps.host.untilGone(shim.pid, END_TIMEOUT_MS);
  }

  /** A task that was found running. */
  async found(podId: string, taskId: string, pid: number): Promise<void> {
    if (!this.concerns(podId)) return;
    this.shimOf(podId).tasks.add(taskId);
    await this.learnPid(podId, pid);
  }

  private concerns(podId: string): boolean {
    return this.deps.sandboxes.get(podId)?.withoutInfra === true;
  }

  private shimOf(podId: string): { pid?: number; readonly tasks: Set<string> } {
    const shim = this.pods.get(podId) ?? { tasks: new Set() };
    this.pods.set(podId, shim);
    return shim;
  }

  /** The first process of a task is a child of the shim. */
  private async learnPid(podId: string, pid: number): Promise<void> {
    const parent = await this.deps.host.parentOf(pid);
    if (parent !== undefined) this.shimOf(podId).pid = parent;
  }
}
