import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { beginOf, contentOf } from '../support/daemon/pod-processes';

/** Files that containers have mounted from the directory of their pod. */
const POD_FILES = ['hosts', 'hostname', 'resolv.conf'];

/** Where the traces of pods are on a node, besides crisp. */
export interface WatchPlaces {
  /** The state directory of containerd: each task's shim notes the pid there. */
  readonly state: string;
  /** Folders with an entry for each sandbox or container. */
  readonly recordDirs: readonly string[];
  /** The files that network namespaces are pinned to. */
  netnsFiles(): readonly string[];
}

/** A process, told by its begin from another that has its pid later. */
interface Process {
  readonly pid: number;
  readonly began: string;
}

/** A container that was seen to run. */
export interface RunningContainer extends Process {
  readonly id: string;
  readonly podId: string;
}

/** A pod with a container that was seen to run. */
interface RunningPod {
  /** Of a pod that has one. */
  readonly pause: Process | undefined;
  /** The names of its network interfaces. */
  readonly devices: readonly string[];
  /** The file of its network namespace, and the files that its containers have mounted, each with its inode. */
  readonly files: ReadonlyMap<string, string>;
  readonly containers: Map<string, RunningContainer & { readonly endFile: string }>;
}

/**
 * Containers that lives have started and that nobody has asked to stop. Looks at /proc and at files only: neither crisp nor
 * containerd is asked anything. A container is watched until its life stops it, it ends by itself, or it is harmed.
 */
export class Watched {
  private readonly pods = new Map<string, RunningPod>();
  private suspended = false;

  constructor(private readonly places: WatchPlaces) {}

  /**
   * Watches a container from now on; `endFile` is what it writes before it ends by itself. False when it does not run any
   * more, or while everything is ended by a reboot.
   */
  add(podId: string, id: string, endFile: string): boolean {
    const process = this.processOf(id);
    if (this.suspended || !process) return false;
    const pod = this.pods.get(podId) ?? this.podOf(podId, process.pid);
    if (!pod || !isAlive(process)) return false;
    pod.containers.set(id, { id, podId, endFile, ...process });
    this.pods.set(podId, pod);
    return true;
  }

  /** To be called before a pod is stopped. */
  forget(podId: string): void {
    this.pods.delete(podId);
  }

  /** Nothing is watched until `act` has ended: it ends everything, as it should. */
  async without<T>(act: () => Promise<T>): Promise<T> {
    this.suspended = true;
    this.pods.clear();
    try {
      return await act();
    } finally {
      this.suspended = false;
    }
  }

  /** The containers that run. */
  running(): RunningContainer[] {
    return this.all().filter(isAlive);
  }

  /** Whether it is still watched and runs. */
  isRunning({ id, podId }: RunningContainer): boolean {
    const container = this.pods.get(podId)?.containers.get(id);
    return container !== undefined && isAlive(container);
  }

  /** What is gone of running pods, a line each. Afterwards what was harmed is watched no more. */
  harmed(): string[] {
    return [...this.pods].flatMap(([id, pod]) => {
      const lost = [...lostContainers(pod), ...lostOfPod(pod)];
      if (lost.length > 0 || pod.containers.size === 0) this.pods.delete(id);
      return lost.map((what) => `pod ${id}: ${what}`);
    });
  }

  private all(): (RunningContainer & { readonly endFile: string })[] {
    return [...this.pods.values()].flatMap(({ containers }) => [...containers.values()]);
  }

  private processOf(id: string): Process | undefined {
    const pid = Number(contentOf(join(this.places.state, 'io.containerd.runtime.v2.task/k8s.io', id, 'init.pid')));
    const began = pid > 0 ? beginOf(pid) : undefined;
    return began === undefined ? undefined : { pid, began };
  }

  private podOf(id: string, pid: number): RunningPod | undefined {
    const netns = inodeOf(`/proc/${pid}/ns/net`);
    const files = [
      ...this.places.netnsFiles().filter((path) => inodeOf(path) === netns),
      ...this.places.recordDirs.flatMap((dir) => POD_FILES.map((name) => join(dir, id, name))).filter(existsSync),
    ];
    if (netns === undefined) return undefined;
    const inodes = files.map((path): [string, string] => [path, inodeOf(path) ?? '']);
    return { pause: this.processOf(id), devices: devicesOf(pid), files: new Map(inodes), containers: new Map() };
  }
}

/** Containers that ended by themselves are watched no more. */
function lostContainers({ devices, containers }: RunningPod): string[] {
  return [...containers.values()].flatMap((container) => {
    const { id, pid, endFile } = container;
    const now = devicesOf(pid);
    if (isAlive(container)) {
      if (now.length === 0) return []; // it is ending: a process leaves its namespaces first
      return devices.filter((name) => !now.includes(name)).map((name) => `container ${id} has no ${name} any more`);
    }
    containers.delete(id);
    return contentOf(endFile) === '' ? [`container ${id} (pid ${pid}) was killed`] : [];
  });
}

function lostOfPod({ pause, files }: RunningPod): string[] {
  const paths = [...files].filter(([path, inode]) => inodeOf(path) !== inode).map(([path]) => `${path} is gone`);
  return pause && !isAlive(pause) ? [`its pause process (pid ${pause.pid}) was killed`, ...paths] : paths;
}

function devicesOf(pid: number): string[] {
  return [...contentOf(`/proc/${pid}/net/dev`).matchAll(/^ *([^ :]+):/gm)].map(([, name = '']) => name);
}

function isAlive({ pid, began }: Process): boolean {
  return beginOf(pid) === began;
}

/** Undefined when there is no such file. */
function inodeOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
