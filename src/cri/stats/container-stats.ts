import type { ContainerStats, ContainerStatsRequest, ContainerStatsResponse } from '../../../generated/cri/v1/api';
import type { Container } from '../../model/container';
import type { Call } from '../../rpc/call';
import { containerStats as toContainerStats } from '../../stats/container-stats';
import { filesystemUsage } from '../../stats/filesystem-usage';
import type { CriDeps } from '../deps';
import { requireContainer } from '../require';

/** What one container uses now. One that has ended is told by its attributes and writable layer. */
export async function containerStats(
  deps: CriDeps,
  req: ContainerStatsRequest,
  _call: Call,
): Promise<ContainerStatsResponse> {
  return { stats: await statsOf(deps, requireContainer(deps, req.containerId), 0) };
}

/**
 * The stats of a listed container, at most `maxAgeMs` old. Never rejects: figures that cannot be measured are as they were
 * last, or absent.
 */
export async function statsOf(
  deps: Pick<CriDeps, 'stats'>,
  container: Container,
  maxAgeMs: number,
): Promise<ContainerStats> {
  const { id, config } = container.metadata;
  const { snapshotter } = container;
  const sample = await deps.stats.container(container, maxAgeMs);
  return toContainerStats({
    attributes: { id, metadata: config.metadata, labels: config.labels, annotations: config.annotations },
    ...sample,
    writableLayer: filesystemUsage(
      await deps.stats.mountpoint(snapshotter),
      deps.stats.layer(snapshotter, id),
      sample.timestamp,
    ),
  });
}
