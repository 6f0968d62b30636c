import { sleep } from '../base/wait/backoff';
import type { KeyedMutex } from '../base/work/keyed-mutex';
import type { Host } from '../host/machine';
import { shimSocketNames } from '../host/process/shim-sockets';
import type { SoughtShim } from '../host/process/silent-shim';
import type { SandboxStore } from '../state/sandbox-store';

/** A shim that has no task left ends at once; one that does not is met by the next task as it is. */
const END_TIMEOUT_MS = 2000;
/** When a shim that has not ended when its pod is removed is looked at again. Later the sweep does it. */
const SOCKET_PAUSES_MS: readonly number[] = [500, 1000, 2000, 4000, 8000, 15_000, 30_000];

/**
 * The shims of pods without a pause task. Such a shim comes with the pod's first task and goes with its last one; a task
 * that is made while it goes would be made in a shim that is no more. So tasks of one pod are made and deleted one at a
 * time, and the last deletion ends with the shim. Pods with a pause task have one shim all along and are let through.
 */
export class PodShims {
  private readonly pods = new Map<string, { pid?: number; readonly tasks: Set<string> }>();
  /** What shims are told that containerd's address is. */
  private readonly addresses: Set<string>;

  constructor(
    private readonly deps: {
      readonly sandboxes: SandboxStore;
      readonly locks: KeyedMutex;
      readonly host: Pick<Host, 'parentOf' | 'untilGone' | 'shimAddress' | 'removeShimSockets'>;
      /** containerd's address as crisp knows it, and the namespace of pods there. */
      readonly containerd: { readonly address: string; readonly namespace: string };
    },
    private readonly socketPausesMs = SOCKET_PAUSES_MS,
  ) {
    this.addresses = new Set(spellings(deps.containerd.address.replace(/^unix:\/\//, '')));
  }

  /** How many pods have a shim that is kept in mind. */
  get size(): number {
    return this.pods.size;
  }

  /** Where the shim of a pod is looked for; `group`: the pod whose shim it shares. */
  soughtShim(podId: string, group = podId): SoughtShim {
    return { ids: [podId, group], pid: this.pods.get(podId)?.pid };
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

  /** What the sockets of a shim may be called, by the pod or container whose id names its group. */
  socketNames(group: string, namespace = this.deps.containerd.namespace): string[] {
    return [...this.addresses].flatMap((address) => shimSocketNames({ address, namespace, group }));
  }

  /**
   * Afterwards no socket is left of the shim of a pod that is being removed; one that others share lives and keeps it. On
   * containerd 2.x a shim that pods without a pause task had leaves it, and so does one that was killed on every release.
   * That of a shim that is just ending goes within a minute, in the background.
   */
  async removeSockets(group: string): Promise<void> {
    if (await this.removed(group)) return;
    const later = async (): Promise<void> => {
      for (const ms of this.socketPausesMs) {
        await sleep(ms);
        if (this.isPods(group) || (await this.removed(group))) return;
      }
    };
    later().catch(() => undefined); // the sweep finds it again
  }

  /** True: there are no such sockets any more. */
  private async removed(group: string): Promise<boolean> {
    return (await this.deps.host.removeShimSockets(this.socketNames(group))) === 0;
  }

  private isPods(group: string): boolean {
    return this.deps.sandboxes.list().some(({ metadata, shimGroup = metadata.id }) => shimGroup === group);
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
    const { host } = this.deps;
    const parent = await host.parentOf(pid);
    if (parent === undefined) return;
    this.shimOf(podId).pid = parent;
    const address = await host.shimAddress(parent);
    if (address !== undefined) this.addresses.add(address);
  }
}

/** /var/run is a link to /run on every distribution of today, and daemon and crisp may be configured by either. */
function spellings(address: string): string[] {
  if (address.startsWith('/var/run/')) return [address, address.slice('/var'.length)];
  return address.startsWith('/run/') ? [address, `/var${address}`] : [address];
}
