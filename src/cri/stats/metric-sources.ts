import type { LinuxContainerResources } from '../../../generated/cri/v1/api';
import { cgroupPathOf } from '../../host/cgroup/cgroup-path';
import { type Container, containerState } from '../../model/container';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import { cgroupsPath } from '../../oci/resources/cgroups-path';
import type { BaseLabels, LimitValues, MetricSource } from '../../stats/metric-family';
import type { MetricsOf } from '../../stats/pod-metrics';
import type { CriDeps } from '../deps';

type Deps = Pick<CriDeps, 'handlers' | 'stats'>;

/** Its values, and when each part of them was measured. */
type FilesystemSource = Pick<MetricSource, 'filesystem' | 'filesystemAt' | 'layerAt'>;

/**
 * Gathers what metrics are made from, for one request: at most `maxAgeMs` old. What cannot be measured is as it was last,
 * with the time of that, or absent.
 */
export class MetricSources {
  constructor(
    private readonly deps: Deps,
    private readonly maxAgeMs: number,
  ) {}

  /** What a pod counts as a whole: its network, and its own cgroup. */
  async ofPod(sandbox: Sandbox): Promise<MetricsOf> {
    const { id, config } = sandbox.metadata;
    const parent = config.linux?.cgroupParent ?? '';
    const sample = await this.deps.stats.pod(sandbox, this.maxAgeMs);
    const cgroup = parent === '' ? undefined : cgroupOf(() => parent);
    const labels = { ...podLabels(sandbox), container: '', id: cgroup ?? id, image: '', name: '' };
    return { id, labels, source: sample };
  }

  /** What a running container of a pod counts; undefined when it does not run, or ends meanwhile. */
  async ofContainer(container: Container, sandbox: Sandbox): Promise<MetricsOf | undefined> {
    if (containerState(container.status) !== 'RUNNING') return undefined;
    const { handlers, stats } = this.deps;
    const handler = handlers.ofPod(sandbox.metadata.runtimeHandler);
    const [sample, filesystem, processes] = await Promise.all([
      stats.container(container, this.maxAgeMs),
      this.filesystemOf(container),
      stats.processesOf(container),
    ]);
    const { metadata, status } = container;
    if (containerState(status) !== 'RUNNING') return undefined;
    return {
      id: metadata.id,
      labels: containerLabels(container, sandbox, handler),
      source: {
        timestamp: sample.timestamp,
        values: sample.values,
        startedAt: status.startedAt || undefined,
        limits: toLimits(status.resources?.linux ?? metadata.config.linux?.resources),
        ...filesystem,
        processes: processes?.values,
        processesAt: processes?.timestamp,
      },
    };
  }

  /** The whole filesystem below the snapshotter, and what of it the writable layer took when it was last measured. */
  private async filesystemOf({ metadata, snapshotter }: Container): Promise<FilesystemSource> {
    const { stats } = this.deps;
    const found = await stats.filesystem(snapshotter);
    if (!found) return {};
    const layer = stats.layer(snapshotter, metadata.id);
    return {
      filesystem: { ...found.values, usage: layer?.size ?? 0n },
      filesystemAt: found.timestamp,
      layerAt: layer?.timestamp,
    };
  }
}

function containerLabels(container: Container, sandbox: Sandbox, handler: RuntimeHandler): BaseLabels {
  const { id, config, imageName } = container.metadata;
  const parent = sandbox.metadata.config.linux?.cgroupParent ?? '';
  return {
    ...podLabels(sandbox),
    container: config.metadata?.name ?? '',
    id: cgroupOf(() => cgroupsPath(parent, id, handler)) ?? id,
    image: imageName || (config.image?.image ?? ''),
    name: id,
  };
}

function podLabels(sandbox: Sandbox): Pick<BaseLabels, 'namespace' | 'pod'> {
  const { metadata } = sandbox.metadata.config;
  return { namespace: metadata?.namespace ?? '', pod: metadata?.name ?? '' };
}

/** cAdvisor's `id`; undefined for a parent that no cgroup can have. */
function cgroupOf(name: () => string): string | undefined {
  try {
    return cgroupPathOf(name());
  } catch {
    return undefined;
  }
}

function toLimits(resources: LinuxContainerResources | undefined): LimitValues {
  const minimum = resources?.unified['memory.min'] ?? '';
  return {
    cpuPeriod: resources?.cpuPeriod ?? 0n,
    cpuQuota: resources?.cpuQuota ?? 0n,
    cpuShares: resources?.cpuShares ?? 0n,
    memoryLimit: resources?.memoryLimitInBytes ?? 0n,
    // cAdvisor's reading of cgroup v2, where kubelet's memory QoS puts the request of a container.
    memoryReservation: /^\d+$/.test(minimum) ? BigInt(minimum) : 0n,
    memorySwapLimit: resources?.memorySwapLimitInBytes ?? 0n,
  };
}
