import { setImmediate as turn } from 'node:timers/promises';
import { sleep } from '../base/backoff';
import { errorMessage } from '../base/errors';
import { LastAnswers } from '../base/last-answers';
import type { LifecycleDeps } from '../lifecycle/deps';
import type { Host } from '../lifecycle/host';
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

/** How long a question to a shim may take; no caller waits for that long. */
const SHIM_TIMEOUT_MS = 10_000;
/** A shim that hangs makes figures of its own container old, and nothing else. */
const SHIMS = { patienceMs: 1000, atOnce: 8 };
/**
 * Files of cgroups, network namespaces and filesystems: the kernel answers at once, or holds up the read for as long as it
 * likes. Such a read cannot be ended, so it is not begun again before it has answered.
 */
const KERNEL = { patienceMs: 1000, atOnce: 16 };

/** What a cgroup used, when it was read, and how fast. */
export interface UsageSample {
  readonly timestamp: bigint;
  readonly values?: CgroupValues;
  readonly nanoCores?: bigint;
}

/** The interfaces of a pod's network namespace, when they were read. */
interface NetworkSample {
  readonly network: readonly NetDev[];
  readonly networkAt: bigint;
}

/** What a pod used as a whole. Without `network` it has none of its own, or that could never be read. */
export interface PodSample extends UsageSample, Partial<NetworkSample> {}

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
 * Measures what containers, pods and images use, at regular times; a request is answered with the last sample, which has
 * the time of its own. Only what no round has seen lately is measured for a request. What fails or hangs (a shim, a cgroup,
 * a network namespace, a snapshot) costs a request a few seconds at most, once, and hides nothing else: its last sample is
 * answered, with the time at which it was measured.
 */
export class StatsSampler {
  private readonly rates = new CpuRates();
  private readonly samples = new Map<string, PodSample>();
  private readonly shims = new LastAnswers<UsageSample>(SHIMS);
  private readonly processes = new LastAnswers<ProcessSample>(SHIMS);
  private readonly cgroups = new LastAnswers<UsageSample>(KERNEL);
  private readonly networks = new LastAnswers<NetworkSample>(KERNEL);
  private readonly filesystems = new LastAnswers<FilesystemSample | undefined>(KERNEL);
  private readonly controller = new AbortController();
  private readonly usage: SnapshotUsage;

  constructor(
    private readonly deps: SamplerDeps,
    private readonly options: SamplerOptions,
  ) {
    this.usage = new SnapshotUsage(deps, options.countContent, this.controller.signal);
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

  /** What the processes of a running container have open now, or when that could last be counted; undefined: never. */
  async processesOf(id: string): Promise<ProcessSample | undefined> {
    const { containerd, host } = this.deps;
    return this.orLast(this.processes, id, "a container's processes could not be counted", async () => {
      const timestamp = now();
      const pids = await containerd.tasks.pids(id, { timeoutMs: SHIM_TIMEOUT_MS });
      return { timestamp, values: await host.processCounts(pids.map(({ pid }) => pid)) };
    });
  }

  /**
   * What a pod's own cgroup uses, all of its containers together, and its network. Never rejects: what cannot be read is as
   * it was last, or absent.
   */
  async pod(sandbox: Sandbox): Promise<PodSample> {
    return this.recent(sandbox.metadata.id) ?? this.measurePod(sandbox);
  }

  /** The filesystem below a snapshotter now, or when it could last be looked at; undefined: never, or there is none. */
  async filesystem(snapshotter: string): Promise<FilesystemSample | undefined> {
    const dir = await this.mountpoint(snapshotter);
    return this.orLast(this.filesystems, snapshotter, "a snapshotter's filesystem could not be read", async () => {
      const timestamp = now();
      const values = await this.deps.host.filesystemAt(dir);
      return values && { timestamp, values };
    });
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
    const oldest = now() - BigInt(KERNEL.patienceMs) * 1_000_000n;
    const own = await this.ownCgroup(container);
    const told = own && own.timestamp >= oldest ? undefined : await this.toldByShim(id);
    // A task runs once under an id: values that were read before are of this one.
    const known = [own, told, this.samples.get(id)].filter((sample) => sample?.values !== undefined);
    return this.keep(id, newest(known) ?? told ?? { timestamp: now() });
  }

  /** The cgroup's own files cost a hundredth of a question to the shim. A virtual machine's processes are not in it. */
  private async ownCgroup({ metadata: { id, sandboxId } }: Container): Promise<UsageSample | undefined> {
    const { handlers, sandboxes } = this.deps;
    const sandbox = sandboxes.get(sandboxId);
    const handler = handlers.ofPod(sandbox?.metadata.runtimeHandler);
    if (!sandbox || !handler.hostProcesses) return undefined;
    const sample = await this.cgroup(id, () =>
      cgroupsPath(sandbox.metadata.config.linux?.cgroupParent ?? '', id, handler),
    );
    return sample?.values && sample;
  }

  /** What the files of a container's or pod's cgroup say, or said when they could last be read. */
  private cgroup(id: string, path: () => string): Promise<UsageSample | undefined> {
    return this.orLast(this.cgroups, id, 'a cgroup could not be read', async () => {
      const timestamp = now();
      return { timestamp, values: await this.deps.host.cgroupValues(path()) };
    });
  }

  private toldByShim(id: string): Promise<UsageSample | undefined> {
    return this.orLast(this.shims, id, 'a container tells no metrics', async () => {
      const [metrics] = await this.deps.containerd.tasks.metrics([id], { timeoutMs: SHIM_TIMEOUT_MS });
      return { timestamp: now(), values: taskMetrics(metrics?.data)?.values };
    });
  }

  private async measurePod(sandbox: Sandbox): Promise<PodSample> {
    const { id, config } = sandbox.metadata;
    const parent = config.linux?.cgroupParent ?? '';
    const [usage, network] = await Promise.all([
      parent === '' ? undefined : this.cgroup(id, () => parent),
      this.networkOf(sandbox),
    ]);
    return this.keep(id, { timestamp: now(), ...usage, ...network });
  }

  /** The pause process is the way in that costs nothing. */
  private async networkOf({ metadata, status: { pid } }: Sandbox): Promise<NetworkSample | undefined> {
    const { id, config, netnsPath } = metadata;
    if (!hasPodNetwork(config)) return undefined;
    const { host } = this.deps;
    return this.orLast(this.networks, id, "a pod's network could not be read", async () => {
      const networkAt = now();
      const network = await (pid > 0 ? host.netDevOfPid(pid) : host.netDevOfNetns(netnsPath));
      return { network, networkAt };
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
    const isThere = (id: string): boolean => (containers.get(id) ?? sandboxes.get(id)) !== undefined;
    for (const answers of [this.shims, this.processes, this.cgroups, this.networks]) answers.keep(isThere);
    for (const id of this.samples.keys()) {
      if (isThere(id)) continue;
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

function newest(samples: readonly (UsageSample | undefined)[]): UsageSample | undefined {
  return samples.reduce(
    (best, sample) => (sample && (!best || sample.timestamp > best.timestamp) ? sample : best),
    undefined,
  );
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
