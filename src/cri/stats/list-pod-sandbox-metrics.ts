import type {
  ListPodSandboxMetricsRequest,
  ListPodSandboxMetricsResponse,
  PodSandboxMetrics,
} from '../../../generated/cri/v1/api';
import { errorMessage } from '../../base/errors';
import type { Sandbox } from '../../model/sandbox';
import type { Call } from '../../rpc/call';
import { metricsOfContainer, metricsOfPod } from '../../stats/pod-metrics';
import type { CriDeps } from '../deps';
import { maxAgeOf } from './max-age';
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
 * measured is as it was last, and hides nothing else. With many pods they may be as old as the regular samples: each has its
 * own time, by which Prometheus computes.
 */
export async function allPodMetrics(deps: CriDeps): Promise<PodSandboxMetrics[]> {
  const ready = deps.sandboxes.list().filter(isReady);
  const sources = new MetricSources(deps, maxAgeOf(ready.length, deps.config.stats_collect_period * 1000));
  const all = await Promise.all(ready.map((sandbox) => metricsOf(deps, sources, sandbox)));
  return all.filter((metrics) => metrics !== undefined);
}

async function metricsOf(
  deps: CriDeps,
  sources: MetricSources,
  sandbox: Sandbox,
): Promise<PodSandboxMetrics | undefined> {
  const { id } = sandbox.metadata;
  const [metrics, containers] = await Promise.all([
    unlessItFails(deps, id, async () => metricsOfPod(await sources.ofPod(sandbox))),
    Promise.all(
      deps.containers.bySandbox(id).map((container) =>
        unlessItFails(deps, container.metadata.id, async () => {
          const source = await sources.ofContainer(container, sandbox);
          return source && metricsOfContainer(source);
        }),
      ),
    ),
  ]);
  const now = deps.sandboxes.get(id);
  if (!now || !isReady(now)) return undefined;
  const containerMetrics = containers.filter((container) => container !== undefined);
  return { podSandboxId: id, metrics: metrics ?? [], containerMetrics };
}

/** An unexpected error about one container or pod costs its own metrics and no other's. */
async function unlessItFails<T>({ log }: CriDeps, id: string, gather: () => Promise<T>): Promise<T | undefined> {
  try {
    return await gather();
  } catch (error) {
    log.warn('metrics could not be gathered', { id, error: errorMessage(error) });
    return undefined;
  }
}

function isReady({ status }: Sandbox): boolean {
  return status.state === 'READY';
}
