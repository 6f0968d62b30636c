import type { LinuxContainerResources } from '../../../generated/cri/v1/api';
import { errorMessage } from '../../base/errors';
import { cgroupPathOf } from '../../host/cgroup-path';
import type { Host } from '../../lifecycle/host';
import { type Container, containerState } from '../../model/container';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import { cgroupsPath } from '../../oci/cgroups-path';
import type { BaseLabels, FilesystemValues, LimitValues } from '../../stats/metric-family';
import type { MetricsOf } from '../../stats/pod-metrics';
import type { CriDeps } from '../deps';

type Deps = Pick<CriDeps, 'handlers' | 'host' | 'log' | 'stats'>;

/** Gathers what metrics are made from, for one request: what many containers share is looked up once. */
export class MetricSources {
  private readonly filesystems = new Map<string, ReturnType<Host['filesystemAt']>>();

  constructor(private readonly deps: Deps) {}

  /** What a pod counts as a whole: its network, and its own cgroup. */
  async ofPod(sandbox: Sandbox): Promise<MetricsOf> {
    const { id, config } = sandbox.metadata;
    const parent = config.linux?.cgroupParent ?? '';
    const sample = await this.deps.stats.pod(sandbox);
    const cgroup = parent === '' ? undefined : cgroupOf(parent);
    const labels = { ...podLabels(sandbox), container: '', id: cgroup ?? id, image: '', name: '' };
    return { id, labels, source: sample };
  }

  /** What a running container of a pod counts; undefined when it does not run, or ends meanwhile. */
  async ofContainer(container: Container, sandbox: Sandbox): Promise<MetricsOf | undefined> {
    if (containerState(container.status) !== 'RUNNING') return undefined;
    const { handlers, stats } = this.deps;
    const handler = handlers.ofPod(sandbox.metadata.runtimeHandler);
    const [sample, filesystem, processes] = await Promise.all([
      stats.container(container),
      this.filesystemOf(container),
      handler.hostProcesses ? stats.processesOf(container.metadata.id) : undefined,
    ]);
    const { metadata, status } = container;
    if (containerState(status) !== 'RUNNING') return undefined;
    return {
      id: metadata.id,
      labels: containerLabels(container, sandbox, handler),
      source: {
        timestamp: sample.timestamp,
        values: sample.values,
        startedAt: status.startedAt,
        limits: toLimits(status.resources?.linux ?? metadata.config.linux?.resources),
        filesystem,
        processes,
      },
    };
  }

  /** The whole filesystem below the snapshotter, and what of it the writable layer took when it was last measured. */
  private async filesystemOf({ metadata, snapshotter }: Container): Promise<FilesystemValues | undefined> {
    const { host, log, stats } = this.deps;
    let reading = this.filesystems.get(snapshotter);
    if (!reading) {
      reading = stats.mountpoint(snapshotter).then((dir) => host.filesystemAt(dir));
      this.filesystems.set(snapshotter, reading);
    }
    try {
      const filesystem = await reading;
      return filesystem && { ...filesystem, usage: stats.layer(snapshotter, metadata.id)?.size ?? 0n };
    } catch (error) {
      log.debug('the filesystem of a snapshotter could not be read', { snapshotter, error: errorMessage(error) });
      return undefined;
    }
  }
}

function containerLabels(container: Container, sandbox: Sandbox, handler: RuntimeHandler): BaseLabels {
  const { id, config, imageName } = container.metadata;
  const parent = sandbox.metadata.config.linux?.cgroupParent ?? '';
  return {
    ...podLabels(sandbox),
    container: config.metadata?.name ?? '',
    id: cgroupOf(cgroupsPath(parent, id, handler)) ?? id,
    image: imageName || (config.image?.image ?? ''),
    name: id,
  };
}

function podLabels(sandbox: Sandbox): Pick<BaseLabels, 'namespace' | 'pod'> {
  const { metadata } = sandbox.metadata.config;
  return { namespace: metadata?.namespace ?? '', pod: metadata?.name ?? '' };
}

/** cAdvisor's `id`; undefined for a parent that no cgroup can have. */
function cgroupOf(name: string): string | undefined {
  try {
    return cgroupPathOf(name);
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
