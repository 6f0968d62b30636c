import type {
  ListPodSandboxMetricsRequest,
  ListPodSandboxMetricsResponse,
  PodSandboxMetrics,
} from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import { podMetrics } from '../../stats/pod-metrics';
import type { CriDeps } from '../deps';
import { MetricSources } from './metric-sources';

/** cAdvisor's metrics of every READY pod and its running containers. */
export async function listPodSandboxMetrics(
  deps: CriDeps,
  _req: ListPodSandboxMetricsRequest,
  _call: Call,
): Promise<ListPodSandboxMetricsResponse> {
  return { podMetrics: await allPodMetrics(deps) };
}

/**
 * The metrics of every READY pod. A pod that goes away meanwhile is left out, a container that ends as well; what cannot be
 * measured is as it was last, and hides nothing else.
 */
export async function allPodMetrics(deps: CriDeps): Promise<PodSandboxMetrics[]> {
  const sources = new MetricSources(deps);
  const all = await Promise.all(
    deps.sandboxes.list().map(async (sandbox) => {
      const { id } = sandbox.metadata;
      if (sandbox.status.state !== 'READY') return undefined;
      const [pod, containers] = await Promise.all([
        sources.ofPod(sandbox),
        Promise.all(deps.containers.bySandbox(id).map((container) => sources.ofContainer(container, sandbox))),
      ]);
      const isThere = deps.sandboxes.get(id)?.status.state === 'READY';
      return isThere
        ? podMetrics(
            pod,
            containers.filter((container) => container !== undefined),
          )
        : undefined;
    }),
  );
  return all.filter((metrics) => metrics !== undefined);
}
