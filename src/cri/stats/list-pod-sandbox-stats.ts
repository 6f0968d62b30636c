import type {
  ListPodSandboxStatsRequest,
  ListPodSandboxStatsResponse,
  PodSandboxStats,
  PodSandboxStatsFilter,
} from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import { labelMatcher, matchesId } from '../../state/filters';
import type { CriDeps } from '../deps';
import { maxAgeOf } from './max-age';
import { podStatsOf } from './pod-sandbox-stats';

/** What every READY pod that matches uses now. */
export async function listPodSandboxStats(
  deps: CriDeps,
  req: ListPodSandboxStatsRequest,
  _call: Call,
): Promise<ListPodSandboxStatsResponse> {
  return { stats: await matchingPodStats(deps, req.filter) };
}

/**
 * The stats that a filter lets through. A pod that goes away meanwhile is left out, and no other: a pod without statistics is
 * the first that kubelet evicts when memory runs out (`exceedMemoryRequests` in pkg/kubelet/eviction/helpers.go). One
 * that cannot be measured is told as it was last, or without figures.
 */
export async function matchingPodStats(
  deps: CriDeps,
  filter: PodSandboxStatsFilter | undefined,
): Promise<PodSandboxStats[]> {
  const hasLabels = labelMatcher(filter?.labelSelector);
  const ready = deps.sandboxes
    .list()
    .filter(
      ({ metadata, status }) =>
        status.state === 'READY' && matchesId(metadata.id, filter?.id) && hasLabels(metadata.config.labels),
    );
  const maxAgeMs = maxAgeOf(ready.length);
  const all = await Promise.all(ready.map((sandbox) => podStatsOf(deps, sandbox, maxAgeMs)));
  return all.filter(({ attributes }) => deps.sandboxes.get(attributes?.id ?? '')?.status.state === 'READY');
}
