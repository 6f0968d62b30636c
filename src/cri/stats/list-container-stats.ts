import type {
  ContainerStats,
  ContainerStatsFilter,
  ListContainerStatsRequest,
  ListContainerStatsResponse,
} from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import { labelMatcher, matchesId } from '../../state/filters';
import type { CriDeps } from '../deps';
import { statsOf } from './container-stats';
import { maxAgeOf } from './max-age';

/** What every container that matches uses now. */
export async function listContainerStats(
  deps: CriDeps,
  req: ListContainerStatsRequest,
  _call: Call,
): Promise<ListContainerStatsResponse> {
  return { stats: await matchingStats(deps, req.filter) };
}

/** The stats that a filter lets through; its parts are ANDed. */
export function matchingStats(deps: CriDeps, filter: ContainerStatsFilter | undefined): Promise<ContainerStats[]> {
  const hasLabels = labelMatcher(filter?.labelSelector);
  const containers = deps.containers
    .list()
    .filter(
      ({ metadata }) =>
        matchesId(metadata.id, filter?.id) &&
        matchesId(metadata.sandboxId, filter?.podSandboxId) &&
        hasLabels(metadata.config.labels),
    );
  const maxAgeMs = maxAgeOf(containers.length);
  return Promise.all(containers.map((container) => statsOf(deps, container, maxAgeMs)));
}
