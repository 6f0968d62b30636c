import { setImmediate as turn } from 'node:timers/promises';
import { errorMessage } from '../base/errors';
import { sleep } from '../base/wait/backoff';
import { type Container, containerState } from '../model/container';
import type { Sandbox } from '../model/sandbox';
import { CpuRates } from '../stats/cpu-usage';
import type { LayerSample } from '../stats/filesystem-usage';
import { PodSums } from '../stats/pod-sum';
import { SnapshotUsage } from './snapshot-usage';
import { StatsClock } from './stats-clock';
import {
  type FilesystemSample,
  type NetworkSample,
  newest,
  type ProcessSample,
  type StatsDeps,
  StatsQuestions,
  type Usage,
} from './stats-questions';

/** What a cgroup used, when it was read, and how fast. */
export interface UsageSample extends Usage {
  readonly nanoCores?: bigint;
}

/** What a pod used as a whole. Without `network` it has none of its own, or that could never be read. */
export interface PodSample extends UsageSample, Partial<NetworkSample> {}

export interface SamplerOptions {
  readonly periodMs: number;
  /** What images take has the content store in it. */
  readonly countContent?: boolean;
}

/** Right after a start others have more to do; whoever asks before the first round has it measured. */
const FIRST_ROUND_MS = 500;

/**
 * What was measured for a request is left to those who ask for so many periods: a kubelet that asks every ten seconds has
 * everything measured once in ten seconds, and not by the rounds as well.
 */
const PERIODS_LEFT_TO_REQUESTS = 1.5;

/**
 * Measures what containers, pods and images use: for who asks, and at regular times, so that whoever asks first is told a
 * rate too. What fails or hangs (a shim, a cgroup, a network namespace, a snapshot) costs a request a few seconds at most,
 * once, and hides nothing else: its last sample is answered, with the time at which it was measured. A sample that was read
 * anew always has a later time than the one before.
 */
export class StatsSampler {
  private readonly clock = new StatsClock();
  private readonly rates = new CpuRates();
  private readonly sums = new PodSums();
  private readonly samples = new Map<string, PodSample>();
  /** When something was last measured for a request, by performance.now(). */
  private readonly measuredForRequest = new Map<string, number>();
  private readonly controller = new AbortController();
  private readonly usage: SnapshotUsage;
  private readonly questions: StatsQuestions;

  constructor(
    private readonly deps: StatsDeps,
    private readonly options: SamplerOptions,
  ) {
    this.usage = new SnapshotUsage(deps, options.countContent, this.controller.signal);
    this.questions = new StatsQuestions(deps, this.clock);
  }

  start(): void {
    void this.run(this.controller.signal);
  }

  stop(): void {
    this.controller.abort(new Error('stopping'));
  }

  /**
   * What a container uses, read now or at most `maxAgeMs` ago. One that does not run, or of which nothing is told, has no
   * values. Never rejects: what cannot be read is as it was last, or absent.
   */
  async container(container: Container, maxAgeMs = 0): Promise<UsageSample> {
    if (containerState(container.status) !== 'RUNNING') return this.clock.now();
    const { id } = container.metadata;
    return this.recent(id, maxAgeMs) ?? this.forRequest(id, () => this.measureContainer(container));
  }

  /**
   * What a pod uses, all of its containers together, and its network, read now or at most `maxAgeMs` ago. Never rejects: what
   * cannot be read is as it was last, or absent.
   */
  async pod(sandbox: Sandbox, maxAgeMs = 0): Promise<PodSample> {
    const { id } = sandbox.metadata;
    return this.recent(id, maxAgeMs) ?? this.forRequest(id, () => this.measurePod(sandbox));
  }

  /** What the processes of a running container have open now, or when that could last be counted; undefined: never. */
  processesOf(container: Container): Promise<ProcessSample | undefined> {
    return this.questions.processesOf(container);
  }

  /** The filesystem below a snapshotter now, or when it could last be looked at; undefined: never, or there is none. */
  async filesystem(snapshotter: string): Promise<FilesystemSample | undefined> {
    return this.questions.filesystem(snapshotter, await this.mountpoint(snapshotter));
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

  /**
   * A sample that is young enough. One whose rate is not known yet is not told twice: kubelet then computes the rate itself,
   * and takes two answers with one time for an error (`getAndUpdateContainerUsageNanoCores` in its CRI stats provider).
   */
  private recent(id: string, maxAgeMs: number): PodSample | undefined {
    const sample = this.samples.get(id);
    if (!sample || (sample.values?.cpu && sample.nanoCores === undefined)) return undefined;
    return this.clock.ageMs(sample) < maxAgeMs ? sample : undefined;
  }

  private async forRequest<T>(id: string, measure: () => Promise<T>): Promise<T> {
    this.measuredForRequest.set(id, performance.now());
    return measure();
  }

  private async measureContainer(container: Container): Promise<UsageSample> {
    const { id } = container.metadata;
    const used = await this.questions.ofContainer(container, this.samples.get(id));
    return this.keep(id, used ?? this.clock.now());
  }

  private async measurePod(sandbox: Sandbox): Promise<PodSample> {
    const { id } = sandbox.metadata;
    const [usage, network] = await Promise.all([this.usageOfPod(sandbox), this.questions.networkOf(sandbox)]);
    return this.keep(id, { ...(usage ?? this.clock.now()), ...network });
  }

  private async usageOfPod(sandbox: Sandbox): Promise<Usage | undefined> {
    const { config, runtimeHandler } = sandbox.metadata;
    const own = await this.questions.ofPod(sandbox);
    const isInOwn = Boolean(config.linux?.cgroupParent) && this.deps.handlers.ofPod(runtimeHandler).hostProcesses;
    return own ?? (isInOwn ? undefined : this.sumOfPod(sandbox));
  }

  /** What a pod uses that has no cgroup of its own, or not its processes there; read when the last of its parts was. */
  private async sumOfPod(sandbox: Sandbox): Promise<Usage> {
    const { id } = sandbox.metadata;
    const running = this.deps.containers.bySandbox(id).filter(isRunning);
    const [infra, ...others] = await Promise.all([
      this.questions.ofInfra(sandbox),
      ...running.map((container) => this.measureContainer(container)),
    ]);
    const parts = new Map([[id, infra?.values]]);
    for (const [index, { metadata }] of running.entries()) parts.set(metadata.id, others[index]?.values);
    const { readAt, timestamp } = newest([infra, ...others]) ?? this.clock.now();
    return { readAt, timestamp, values: this.sums.sum(id, parts) };
  }

  /** Two measurements at the same time may end in another order than they began: the later one stays. */
  private keep(id: string, measured: PodSample): PodSample {
    const known = this.samples.get(id);
    if (known?.values && measured.readAt < known.readAt) return known;
    const usage = measured.values?.cpu?.usageNs;
    const nanoCores = usage === undefined ? undefined : this.rates.sample(id, { timestamp: measured.readAt, usage });
    const sample = { ...measured, nanoCores };
    this.samples.set(id, sample);
    return sample;
  }

  private forgetGone(): void {
    const { containers, sandboxes } = this.deps;
    const isThere = (id: string): boolean => (containers.get(id) ?? sandboxes.get(id)) !== undefined;
    this.questions.keep(isThere);
    for (const id of this.measuredForRequest.keys()) if (!isThere(id)) this.measuredForRequest.delete(id);
    for (const id of this.samples.keys()) {
      if (isThere(id)) continue;
      this.samples.delete(id);
      this.rates.forget(id);
      this.sums.forget(id);
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
    const leftFrom = performance.now() - PERIODS_LEFT_TO_REQUESTS * this.options.periodMs;
    const isDue = ({ metadata: { id } }: Container | Sandbox): boolean =>
      (this.measuredForRequest.get(id) ?? Number.NEGATIVE_INFINITY) < leftFrom;
    const pods = sandboxes.list().filter((sandbox) => sandbox.status.state === 'READY' && isDue(sandbox));
    const running = containers.list().filter((container) => isRunning(container) && isDue(container));
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

function isRunning(container: Container): boolean {
  return containerState(container.status) === 'RUNNING';
}
