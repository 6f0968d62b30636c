import type { ListPodSandboxMetricsRequest, ListPodSandboxMetricsResponse, PodSandboxMetrics } from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';

/** Being written. */
export async function listPodSandboxMetrics(
  deps: CriDeps,
  _req: ListPodSandboxMetricsRequest,
  _call: Call,
): Promise<ListPodSandboxMetricsResponse> {
  return { podMetrics: await allPodMetrics(deps) };
}

export async function allPodMetrics(_deps: CriDeps): Promise<PodSandboxMetrics[]> {
  return [];
}
