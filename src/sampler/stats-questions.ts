import { errorMessage } from '../base/errors';
import { LastAnswers } from '../base/work/last-answers';
import type { Host } from '../host/machine';
import type { CgroupValues } from '../model/cgroup-values';
import type { Container } from '../model/container';
import type { NetDev } from '../model/net-dev';
import type { Sandbox } from '../model/sandbox';
import { cgroupsPath } from '../oci/resources/cgroups-path';
import { hasPodNetwork } from '../pods/pod-network-config';
import { taskMetrics } from '../stats/cgroup-metrics';
import type { ProcessValues } from '../stats/metric-family';
import type { LifecycleDeps } from '../tasks/deps';
import type { Moment, StatsClock } from './stats-clock';

/** How long a question to a shim may take; no caller waits for that long. */
const SHIM_TIMEOUT_MS = 10_000;
/** A shim that hangs makes figures of its own container old, and nothing else. */
const SHIMS = { patienceMs: 1000, atOnce: 8 };
/**
 * Files of cgroups, network namespaces and filesystems: the kernel answers at once, or holds up the read for as long as it
 * likes. Such a read cannot be ended, so it is not begun again before it has answered.
 */
const KERNEL = { patienceMs: 1000, atOnce: 16 };

/** What a cgroup used, and when that was read. Without values nothing is known. */
export interface Usage extends Moment {
  readonly values?: CgroupValues;
}

/** The interfaces of a pod's network namespace, when they were read. */
export interface NetworkSample {
  readonly network: readonly NetDev[];
  readonly networkAt: bigint;
}

/** What the processes of a container had open, when they were counted. */
export interface ProcessSample {
  readonly timestamp: bigint;
  readonly values: ProcessValues;
}

/** The filesystem below a snapshotter, when it was looked at. */
export interface FilesystemSample {
  readonly timestamp: bigint;
  readonly values: NonNullable<Awaited<ReturnType<Host['filesystemAt']>>>;
}

export type StatsDeps = Pick<
  LifecycleDeps,
  'containerd' | 'containers' | 'sandboxes' | 'host' | 'handlers' | 'log' | 'daemon'
>;

/**
 * What is used is asked of the kernel and of shims here. A question that fails or hangs costs its caller a few seconds at
 * most, once; then the last answer comes, with the time at which it was measured. Callers at the same moment share one.
 */
export class StatsQuestions {
  private readonly shims = new LastAnswers<Usage>(SHIMS);
  private readonly processes = new LastAnswers<ProcessSample>(SHIMS);
  private readonly cgroups = new LastAnswers<Usage | undefined>(KERNEL);
  private readonly networks = new LastAnswers<NetworkSample>(KERNEL);
  private readonly filesystems = new LastAnswers<FilesystemSample | undefined>(KERNEL);

  constructor(
    private readonly deps: StatsDeps,
    private readonly clock: StatsClock,
  ) {}

  /**
   * What a running container uses; undefined: nothing is known. Its cgroup's own files cost a hundredth of a question to its
   * shim. The shim is asked where they say nothing: for a virtual machine, and where the cgroup has no process although the
   * container runs (gVisor keeps all of a pod's in one). `before`: what was known of it last.
   */
  async ofContainer(container: Container, before: Usage | undefined): Promise<Usage | undefined> {
    const own = await this.ownCgroup(container);
    if (own?.values && !isEmpty(own.values) && this.isNew(own)) return own;
    const told = await this.toldByShim(container.metadata.id);
    if (told?.values && this.isNew(told)) return told;
    // A task runs once under an id: values that were read before are of this one.
    return newest([isEmpty(own?.values) ? undefined : own, told, before]) ?? (hasUsed(own) ? own : undefined);
  }

  /**
   * What a pod's own cgroup uses; undefined: it has none, that could never be read, or a virtual machine that has no process
   * in it is the pod.
   */
  async ofPod({ metadata: { id, config, runtimeHandler } }: Sandbox): Promise<Usage | undefined> {
    const parent = config.linux?.cgroupParent ?? '';
    if (parent === '') return undefined;
    const usage = await this.cgroup(id, () => parent);
    const isApart = !this.deps.handlers.ofPod(runtimeHandler).hostProcesses && isEmpty(usage?.values);
    return isApart ? undefined : usage;
  }

  /** What the pause process of a pod uses; undefined: there is none that is a process of this host. */
  async ofInfra({ metadata: { id, config, runtimeHandler }, withoutInfra }: Sandbox): Promise<Usage | undefined> {
    const handler = this.deps.handlers.ofPod(runtimeHandler);
    if (withoutInfra || !handler.hostProcesses) return undefined;
    return this.cgroup(id, () => cgroupsPath(config.linux?.cgroupParent ?? '', id, handler));
  }

  /** The network of a pod; undefined: it has none of its own, or that could never be read. */
  async networkOf({ metadata, status: { pid } }: Sandbox): Promise<NetworkSample | undefined> {
    const { id, config, netnsPath } = metadata;
    if (!hasPodNetwork(config)) return undefined;
    const { host } = this.deps;
    return this.orLast(this.networks, id, "a pod's network could not be read", async () => {
      const networkAt = this.clock.now().timestamp;
      // The pause process is the way in that costs nothing.
      const network = await (pid > 0 ? host.netDevOfPid(pid) : host.netDevOfNetns(netnsPath));
      return { network, networkAt };
    });
  }

  /**
   * What the processes of a running container have open now, or when that could last be counted; undefined: never, or they
   * are not processes of this host. The kernel tells which they are; a shim, which may be slow, is asked when it does not.
   */
  async processesOf(container: Container): Promise<ProcessSample | undefined> {
    const { containerd, host } = this.deps;
    const { metadata, status } = container;
    const path = this.cgroupOf(container);
    if (!path) return undefined;
    return this.orLast(this.processes, metadata.id, "a container's processes could not be counted", async () => {
      const { timestamp } = this.clock.now();
      const found = await host.cgroupProcesses(path());
      if (found.length > 0) return { timestamp, values: await host.processCounts(withFirst(status.pid, found)) };
      const told = await containerd.tasks.pids(metadata.id, { timeoutMs: SHIM_TIMEOUT_MS });
      return { timestamp, values: await host.processCounts(told.map(({ pid }) => pid)) };
    });
  }

  /** The filesystem at `dir`, which is a snapshotter's, now or when it could last be looked at; undefined: never, or none. */
  async filesystem(snapshotter: string, dir: string): Promise<FilesystemSample | undefined> {
    return this.orLast(this.filesystems, snapshotter, "a snapshotter's filesystem could not be read", async () => {
      const { timestamp } = this.clock.now();
      const values = await this.deps.host.filesystemAt(dir);
      return values && { timestamp, values };
    });
  }

  /** Forgets all containers and pods but those that are still there. */
  keep(isThere: (id: string) => boolean): void {
    for (const answers of [this.shims, this.processes, this.cgroups, this.networks]) answers.keep(isThere);
  }

  /** It was read for this question, or a moment ago. */
  private isNew(usage: Usage): boolean {
    return this.clock.ageMs(usage) <= KERNEL.patienceMs;
  }

  /** How the cgroup of a container is called; undefined when its processes are not in it: they are a virtual machine's. */
  private cgroupOf({ metadata: { id, sandboxId } }: Container): (() => string) | undefined {
    const { handlers, sandboxes } = this.deps;
    const sandbox = sandboxes.get(sandboxId);
    const handler = handlers.ofPod(sandbox?.metadata.runtimeHandler);
    if (!sandbox || !handler.hostProcesses) return undefined;
    return () => cgroupsPath(sandbox.metadata.config.linux?.cgroupParent ?? '', id, handler);
  }

  private async ownCgroup(container: Container): Promise<Usage | undefined> {
    const path = this.cgroupOf(container);
    return path && this.cgroup(container.metadata.id, path);
  }

  /** What the files of a container's or pod's cgroup say, or said when they could last be read. */
  private cgroup(id: string, path: () => string): Promise<Usage | undefined> {
    return this.orLast(this.cgroups, id, 'a cgroup could not be read', async () => {
      const reading = await this.deps.host.readCgroup(path());
      return reading && { ...this.clock.at(reading.readAt), values: reading.values };
    });
  }

  private toldByShim(id: string): Promise<Usage | undefined> {
    return this.orLast(this.shims, id, 'a container tells no metrics', async () => {
      const [metrics] = await this.deps.containerd.tasks.metrics([id], { timeoutMs: SHIM_TIMEOUT_MS });
      return { ...this.clock.now(), values: taskMetrics(metrics?.data)?.values };
    });
  }

  /** The answer of a question; the last one when it fails or does not come in time. */
  private async orLast<T>(
    answers: LastAnswers<T>,
    key: string,
    failure: string,
    question: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await answers.ask(key, question);
    } catch (error) {
      this.deps.log.debug(failure, { id: key, error: errorMessage(error) });
      return answers.last(key);
    }
  }
}

/** No process is in the cgroup, or none ever was. Where nothing says so, it is not taken for empty. */
function isEmpty(values: CgroupValues | undefined): boolean {
  return values?.pids ? values.pids.current === 0n : values?.cpu?.usageNs === 0n;
}

/** A process was in the cgroup once: the last one of a container that is just ending. */
function hasUsed(usage: Usage | undefined): boolean {
  return (usage?.values?.cpu?.usageNs ?? 0n) > 0n;
}

/** Its limits are told: they are the container's. */
function withFirst(first: number, pids: readonly number[]): number[] {
  return pids.includes(first) ? [first, ...pids.filter((pid) => pid !== first)] : [...pids];
}

/** The one with values that was read last; undefined when none has values. */
export function newest(usages: readonly (Usage | undefined)[]): Usage | undefined {
  return usages.reduce(
    (best, usage) => (usage?.values && (!best || usage.readAt > best.readAt) ? usage : best),
    undefined,
  );
}
