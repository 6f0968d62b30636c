import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import type { OomWatch } from '../../model/container';
import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import type { CgroupLayout } from './cgroup-layout';
import { cgroupPathOf } from './cgroup-path';
import { oomKillsNow } from './oom-counter';

const KERNEL_LOG = '/dev/kmsg';

/**
 * How long after a change that the kernel told of another one may still be untold: it tells of one in 10 ms at most
 * (CGROUP_FILE_NOTIFY_MIN_INTV), and a cgroup that goes takes the news it waits with along.
 */
const SETTLED_MS = 20;
/** The pauses between looks after a change. A limit is often reached a moment before the kernel kills. */
const PAUSES_MS = [1, 2, 4, 8, 16];
/** The pause after these, for as long as the kernel tells of changes. */
const LONG_PAUSE_MS = 50;

/**
 * The file in which the kernel counts the processes of a cgroup that it killed for memory: on v2 also those of the cgroups
 * below. Undefined where there is no memory controller. Throws for what names no cgroup.
 */
export function oomCounter(cgroup: string, layout: CgroupLayout, root = '/'): string | undefined {
  const path = cgroupPathOf(cgroup);
  if (layout.version === 2) return join(root, layout.mount, path, 'memory.events');
  const mount = layout.mounts.get('memory');
  return mount && join(root, mount, path, 'memory.oom_control');
}

/** How many processes of a cgroup the kernel has killed for memory; undefined when the cgroup is gone or does not count. */
export async function oomKills(
  cgroup: string,
  layout: CgroupLayout,
  root = '/',
  means: Means = hostMeans(),
): Promise<bigint | undefined> {
  const file = oomCounter(cgroup, layout, root);
  return file === undefined ? undefined : kernelCall(means, 'oomKills', file, { subject: file });
}

/**
 * The cgroups of the processes that the kernel has killed for memory since the oldest record of its log, by their paths from
 * the root of all cgroups; other paths at which records begin may be among them. The kernel (5.0 on) writes
 * `oom-kill:constraint=…,oom_memcg=…,task_memcg=PATH,task=…` when it has chosen a process, ten times in five seconds at most.
 * Rejects where the log may not be read (CAP_SYSLOG).
 */
export async function oomKilledCgroups(means: Means = hostMeans()): Promise<readonly string[]> {
  return kernelCall(means, 'oomKilledCgroups', KERNEL_LOG, { subject: KERNEL_LOG });
}

/**
 * Watches a v2 counter (`memory.events`) by inotify: all watches of a process share one descriptor, and cost nothing until the
 * kernel tells of a change. The file is read at once then, on this thread: when systemd owns the cgroup it removes it some
 * milliseconds after the last process has ended, which is before anybody is told of that. Throws where it cannot be watched;
 * undefined when the file counts no kills.
 */
export function watchOomCounter(file: string): OomWatch | undefined {
  const made = new CounterWatch(file); // before the first look: a change in between is told
  const seen = made.look();
  if (seen !== false) made.close(); // there is nothing to be watched, or nothing more to learn
  return seen === undefined ? undefined : made;
}

class CounterWatch implements OomWatch {
  private killed = false;
  /** When the kernel told of a change last, by `performance.now()`; undefined once a look came late enough after that. */
  private changedAt: number | undefined;
  /** Nothing has been read yet, or nothing is told any more. */
  private blind = true;
  private timer: NodeJS.Timeout | undefined;
  private readonly watcher: FSWatcher;

  constructor(private readonly file: string) {
    this.watcher = watch(file, { persistent: false }, (event) => {
      if (event === 'change') this.onChange();
    });
    this.watcher.on('error', () => {
      this.blind = true;
    });
  }

  look(): boolean | undefined {
    if (this.killed) return true;
    const kills = oomKillsNow(this.file);
    if (kills === undefined) return this.blind || this.changedAt !== undefined ? undefined : false;
    this.blind = false;
    this.killed = kills > 0n;
    return this.killed;
  }

  close(): void {
    clearTimeout(this.timer);
    this.watcher.close();
  }

  private onChange(): void {
    this.changedAt = performance.now();
    if (this.timer === undefined) this.lookOn(0);
  }

  /** Looks until it is known that no kill belongs to what the kernel told of. */
  private lookOn(step: number): void {
    this.timer = undefined;
    const lookedAt = performance.now();
    const killed = this.look();
    if (killed) this.close();
    if (killed !== false) return;
    if (this.changedAt === undefined || lookedAt - this.changedAt >= SETTLED_MS) {
      this.changedAt = undefined;
      return;
    }
    this.timer = setTimeout(() => this.lookOn(step + 1), PAUSES_MS[step] ?? LONG_PAUSE_MS);
    this.timer.unref();
  }
}
