import { type Held, KeyedMutex } from '../base/work/keyed-mutex';
import type { RuntimeHandler } from '../model/runtime-handler';

/** A shim's pods. It has the name of the pod that came first, which is what that pod's shim groups by anyhow. */
interface Group {
  readonly handler: string;
  readonly pods: Set<string>;
}

type Handler = Pick<RuntimeHandler, 'name' | 'podsPerShim'>;

/**
 * Which pods share a shim, for handlers that let several pods do so. A shim ends with its last task, so a pod is only put
 * into one that holds another pod, and that other pod does not leave until the new one is in.
 */
export class ShimGroups {
  private readonly groups = new Map<string, Group>();
  private readonly groupOf = new Map<string, string>();
  private readonly entering = new Map<string, Held>();
  private readonly locks = new KeyedMutex();

  /** How many pods are in a shim that others may enter. */
  get size(): number {
    return this.groupOf.size;
  }

  /**
   * Finds a shim of the handler that has room, or one for the pod alone; answers the pod whose shim it is. Until `settle`
   * or `forget` nobody else enters or leaves that shim.
   */
  async enter(id: string, handler: Handler, signal: AbortSignal): Promise<string> {
    if (handler.podsPerShim <= 1) return id;
    for (;;) {
      const group = this.withRoom(handler) ?? id;
      const held = await this.locks.hold(group, signal);
      // Whoever was before us may have been the last to leave, or have taken the last place.
      if (group === id || this.hasRoom(group, handler)) {
        this.add(id, group, handler.name);
        this.entering.set(id, held);
        return group;
      }
      held.release();
    }
  }

  /** The pod's first task runs: others may enter and leave its shim. */
  settle(id: string): void {
    this.entering.get(id)?.release();
    this.entering.delete(id);
  }

  /** Puts a pod that was found again back where its spec says it is. */
  restore(id: string, group: string, handler: Handler): void {
    if (handler.podsPerShim > 1 || group !== id) this.add(id, group, handler.name);
  }

  /** Runs `act`, which deletes the pod's last task; afterwards the pod has left its shim, unless that failed. */
  async leave(id: string, act: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const group = this.groupOf.get(id);
    if (group === undefined) return act();
    await using _held = await this.locks.hold(group, signal);
    await act();
    this.forget(id);
  }

  /** The pod is in no shim: its start has failed and been undone. */
  forget(id: string): void {
    this.settle(id);
    const group = this.groupOf.get(id);
    if (group === undefined) return;
    this.groupOf.delete(id);
    const pods = this.groups.get(group)?.pods;
    pods?.delete(id);
    if (pods?.size === 0) this.groups.delete(group);
  }

  private add(id: string, group: string, handler: string): void {
    const known = this.groups.get(group) ?? { handler, pods: new Set() };
    known.pods.add(id);
    this.groups.set(group, known);
    this.groupOf.set(id, group);
  }

  private withRoom(handler: Handler): string | undefined {
    return [...this.groups.keys()].find((group) => this.hasRoom(group, handler));
  }

  private hasRoom(group: string, { name, podsPerShim }: Handler): boolean {
    const known = this.groups.get(group);
    return known !== undefined && known.handler === name && known.pods.size < podsPerShim;
  }
}
