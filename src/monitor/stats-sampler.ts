import { setImmediate as turn } from 'node:timers/promises';
import { sleep } from '../base/backoff';
import { errorMessage } from '../base/errors';
import { LastAnswers } from '../base/last-answers';
import type { LifecycleDeps } from '../lifecycle/deps';
import { hasPodNetwork } from '../lifecycle/pod-network-config';
import type { CgroupValues } from '../model/cgroup-values';
import { type Container, containerState } from '../model/container';
import type { NetDev } from '../model/net-dev';
import type { Sandbox } from '../model/sandbox';
import { cgroupsPath } from '../oci/cgroups-path';
import { taskMetrics } from '../stats/cgroup-metrics';
import { CpuRates } from '../stats/cpu-usage';
import type { LayerSample } from '../stats/filesystem-usage';
import type { ProcessValues } from '../stats/metric-family';
import { SnapshotUsage } from './snapshot-usage';

/** How long a question to a shim may take; nobody waits for that long. */
const SHIM_TIMEOUT_MS = 10_000;
/** A shim that hangs makes figures of its own container old, and nothing else. */
const SHIMS = { patienceMs: 1000, atOnce: 8 };

/** What a cgroup used, when it was read, and how fast. */
export interface UsageSample {
  readonly timestamp: bigint;
  readonly values?: CgroupValues;
  readonly nanoCores?: bigint;
}

/** What a pod used as a whole. Without `network` it has none of its own, or that could not be read. */
export interface PodSample extends UsageSample {
  readonly network?: readonly NetDev[];
}

export type SamplerDeps = Pick<
  LifecycleDeps,
  'containerd' | 'containers' | 'sandboxes' | 'host' | 'handlers' | 'log' | 'daemon'
>;

export interface SamplerOptions {
  readonly periodMs: number;
  /** What images take has the content store in it. */
  readonly countContent?: boolean;
}

/** Right after a start others have more to do; whoever asks before the first round has it measured. */
const FIRST_ROUND_MS = 500;

/** A sample that is older than so many periods is not answered any more: the rounds are late, and it is taken anew. */
const MAX_AGE_PERIODS = 2;

/**
 * Measures what containers, pods and images use, at regular times; who asks is answered with the last sample, which has
 * the time of its own. Only what no round has seen yet is measured for the one who asks.
 */
export class StatsSampler {
  private readonly rates = new CpuRates();
  private readonly samples = new Map<string, PodSample>();
  private readonly shims = new LastAnswers<UsageSample>(SHIMS);
  private readonly processes = new LastAnswers<ProcessValues>(SHIMS);
  private readonly controller = new AbortController();
  private readonly usage: SnapshotUsage;

  constructor(
    private readonly deps: SamplerDeps,
    private readonly options: SamplerOptions,
  ) {
    this.usage = new SnapshotUsage(deps, options.countContent);
  }

  start(): void {
    void this.run(this.controller.signal);
  }

  stop(): void {
    this.controller.abort(new Error('stopping'));
  }

  /** What a container uses, by the last sample: it says when. One that does not run, or of which nothing is told, has no values. */
  async container(container: Container): Promise<UsageSample> {
    if (containerState(container.status) !== 'RUNNING') return { timestamp: now() };
    return this.recent(container.metadata.id) ?? this.measureContainer(container);
  }

  /** What the processes of a running container have open now, or when its shim last answered; undefined: not known. */
  async processesOf(id: string): Promise<ProcessValues | undefined> {
    const { containerd, host, log } = this.deps;
    try {
      return await this.processes.ask(id, async () => {
        const pids = await containerd.tasks.pids(id, { timeoutMs: SHIM_TIMEOUT_MS });
        return host.processCounts(pids.map(({ pid }) => pid));
      });
    } catch (error) {
      log.debug("a container's processes could not be counted", { id, error: errorMessage(error) });
      return undefined;
    }
  }

  /** What a pod's own cgroup uses, all of its containers together, and its network. Rejects when that cannot be read. */
  async pod(sandbox: Sandbox): Promise<PodSample> {
    return this.recent(sandbox.metadata.id) ?? this.measurePod(sandbox);
  }

  /** The last sample of a container's writable layer. */
  layer(snapshotter: string, key: string): LayerSample | undefined {
    return this.usage.layer(snapshotter, key);
  }

  /** Root directory of a snapshotter, which kubelet looks at with statfs. */
  mountpoint(snapshotter: string): Promise<string> {
    return this.usage.mountpoint(snapshotter);
  }

  /** What all snapshots take, one entry per snapshotter, the default one first. */
  imageFilesystems(): ReturnType<SnapshotUsage['filesystems']> {
    return this.usage.filesystems();
  }

  private recent(id: string): PodSample | undefined {
    const sample = this.samples.get(id);
    const maxAge = BigInt(this.options.periodMs * MAX_AGE_PERIODS) * 1_000_000n;
    return sample && now() - sample.timestamp < maxAge ? sample : undefined;
  }

  private async measureContainer(container: Container): Promise<UsageSample> {
    const { id } = container.metadata;
    const timestamp = now();
    const values = await this.ownCgroup(container);
    return this.keep(id, values ? { timestamp, values } : await this.toldByShim(id));
  }

  /** The cgroup's own files cost a hundredth of a question to the shim. A virtual machine's processes are not in it. */
  private async ownCgroup({ metadata: { id, sandboxId } }: Container): Promise<CgroupValues | undefined> {
    const { handlers, host, log, sandboxes } = this.deps;
    const sandbox = sandboxes.get(sandboxId);
    const handler = handlers.ofPod(sandbox?.metadata.runtimeHandler);
    if (!sandbox || !handler.hostProcesses) return undefined;
    try {
      return await host.cgroupValues(cgroupsPath(sandbox.metadata.config.linux?.cgroupParent ?? '', id, handler));
    } catch (error) {
      log.debug('the cgroup of a container cannot be read', { id, error: errorMessage(error) });
      return undefined;
    }
  }

  /** A shim that hangs has told what it told last. */
  private async toldByShim(id: string): Promise<UsageSample> {
    const none = { timestamp: now() };
    try {
      const told = await this.shims.ask(id, async () => {
        const [metrics] = await this.deps.containerd.tasks.metrics([id], { timeoutMs: SHIM_TIMEOUT_MS });
        return { timestamp: now(), values: taskMetrics(metrics?.data)?.values };
      });
      return told ?? none;
    } catch (error) {
      this.deps.log.debug('a container tells no metrics', { id, error: errorMessage(error) });
      return none;
    }
  }

  private async measurePod(sandbox: Sandbox): Promise<PodSample> {
    const { id, config } = sandbox.metadata;
    const parent = config.linux?.cgroupParent ?? '';
    const timestamp = now();
    const values = parent === '' ? undefined : await this.deps.host.cgroupValues(parent);
    return this.keep(id, { timestamp, values, network: await this.networkOf(sandbox) });
  }

  /** The pause process is the way in that costs nothing. */
  private async networkOf({ metadata, status: { pid } }: Sandbox): Promise<NetDev[] | undefined> {
    if (!hasPodNetwork(metadata.config)) return undefined;
    const { host } = this.deps;
    const reading = pid > 0 ? host.netDevOfPid(pid) : host.netDevOfNetns(metadata.netnsPath);
    return reading.catch(() => undefined);
  }

  private keep(id: string, measured: PodSample): PodSample {
    const usage = measured.values?.cpu?.usageNs;
    const { timestamp } = measured;
    const nanoCores = usage === undefined ? undefined : this.rates.sample(id, { timestamp, usage });
    const sample = { ...measured, nanoCores };
    this.samples.set(id, sample);
    return sample;
  }

  private forgetGone(): void {
    const { containers, sandboxes } = this.deps;
    this.shims.keep((id) => containers.get(id) !== undefined);
    this.processes.keep((id) => containers.get(id) !== undefined);
    for (const id of this.samples.keys()) {
      if (containers.get(id) || sandboxes.get(id)) continue;
      this.samples.delete(id);
      this.rates.forget(id);
    }
  }

  private async run(signal: AbortSignal): Promise<void> {
    await sleep(FIRST_ROUND_MS, signal).catch(() => undefined);
    while (!signal.aborted) {
      await this.sampleAll(signal).catch((error: unknown) => {
        if (!signal.aborted) this.deps.log.warn('sampling failed', { error: errorMessage(error) });
      });
      await sleep(this.options.periodMs, signal).catch(() => undefined);
    }
  }

  private async sampleAll(signal: AbortSignal): Promise<void> {
    this.forgetGone();
    const { containers, sandboxes } = this.deps;
    const pods = sandboxes.list().filter(({ status }) => status.state === 'READY');
    const running = containers.list().filter(({ status }) => containerState(status) === 'RUNNING');
    await Promise.all([
      this.usage.measure(signal),
      this.each(pods, (sandbox) => this.measurePod(sandbox)),
      this.each(running, (container) => this.measureContainer(container)),
    ]);
  }

  /** One after another, each in a turn of its own: calls are not to wait for a whole round. What hangs holds up none. */
  private async each<T>(items: readonly T[], measure: (item: T) => Promise<unknown>): Promise<void> {
    const measuring: Promise<unknown>[] = [];
    for (const item of items) {
      await turn();
      const failed = (error: unknown): void =>
        this.deps.log.debug('a sample could not be taken', { error: errorMessage(error) });
      measuring.push(measure(item).catch(failed));
    }
    await Promise.all(measuring);
  }
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
