import { sleep } from '../base/backoff';
import { errorMessage } from '../base/errors';
import { LastAnswers } from '../base/last-answers';
import type { LifecycleDeps } from '../lifecycle/deps';
import type { CgroupValues } from '../model/cgroup-values';
import { type Container, containerState } from '../model/container';
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

export type SamplerDeps = Pick<
  LifecycleDeps,
  'containerd' | 'containers' | 'sandboxes' | 'host' | 'handlers' | 'log' | 'daemon'
>;

export interface SamplerOptions {
  readonly periodMs: number;
  /** What images take has the content store in it. */
  readonly countContent?: boolean;
}

/** Measures what containers, pods and images use: at regular times, and when asked. */
export class StatsSampler {
  private readonly rates = new CpuRates();
  private readonly sampled = new Set<string>();
  private readonly samples = new LastAnswers<UsageSample>(SHIMS);
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

  /**
   * What a container uses now, or what it used when its shim last answered: the sample says when. One that does not run,
   * or whose shim has told nothing yet, has no values.
   */
  async container(container: Container): Promise<UsageSample> {
    const { id } = container.metadata;
    const none = { timestamp: now() };
    if (containerState(container.status) !== 'RUNNING') return none;
    try {
      return (await this.samples.ask(id, () => this.sample(id))) ?? none;
    } catch (error) {
      this.deps.log.debug('a container tells no metrics', { id, error: errorMessage(error) });
      return none;
    }
  }

  /** What the processes of a running container have open, in the same way; undefined when that is not known. */
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

  /** What a pod's own cgroup uses now: all of its containers together. */
  async pod(id: string, cgroupParent: string): Promise<UsageSample> {
    const timestamp = now();
    if (cgroupParent === '') return { timestamp };
    return this.withRate(id, { timestamp, values: await this.deps.host.cgroupValues(cgroupParent) });
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

  private async sample(id: string): Promise<UsageSample> {
    const [metrics] = await this.deps.containerd.tasks.metrics([id], { timeoutMs: SHIM_TIMEOUT_MS });
    return this.withRate(id, { timestamp: now(), values: taskMetrics(metrics?.data)?.values });
  }

  private withRate(id: string, sample: UsageSample): UsageSample {
    const usage = sample.values?.cpu?.usageNs;
    if (usage === undefined) return sample;
    this.sampled.add(id);
    return { ...sample, nanoCores: this.rates.sample(id, { timestamp: sample.timestamp, usage }) };
  }

  private forgetGone(): void {
    const { containers, sandboxes } = this.deps;
    this.samples.keep((id) => containers.get(id) !== undefined);
    this.processes.keep((id) => containers.get(id) !== undefined);
    for (const id of this.sampled) {
      if (containers.get(id) || sandboxes.get(id)) continue;
      this.sampled.delete(id);
      this.rates.forget(id);
    }
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.sampleAll(signal).catch((error: unknown) => {
        if (!signal.aborted) this.deps.log.warn('sampling failed', { error: errorMessage(error) });
      });
      await sleep(this.options.periodMs, signal).catch(() => undefined);
    }
  }

  private async sampleAll(signal: AbortSignal): Promise<void> {
    await this.usage.measure(signal);
    this.forgetGone();
    const running = this.deps.containers.list().filter(({ status }) => status.startedAt && !status.finishedAt);
    await Promise.all(running.map((container) => this.container(container)));
  }
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
