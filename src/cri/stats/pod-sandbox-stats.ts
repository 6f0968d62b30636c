import type { PodSandboxStats, PodSandboxStatsRequest, PodSandboxStatsResponse } from '../../../generated/cri/v1/api';
import type { Sandbox } from '../../model/sandbox';
import type { Call } from '../../rpc/call';
import { podSandboxStats as toPodSandboxStats } from '../../stats/pod-stats';
import type { CriDeps } from '../deps';
import { notReady } from '../errors';
import { requireSandbox } from '../require';
import { statsOf } from './container-stats';

/** What one pod uses now, with its containers. Only of a pod that is READY. */
export async function podSandboxStats(
  deps: CriDeps,
  req: PodSandboxStatsRequest,
  _call: Call,
): Promise<PodSandboxStatsResponse> {
  const sandbox = requireSandbox(deps, req.podSandboxId, 'pod_sandbox_id');
  if (sandbox.status.state !== 'READY') throw notReady(`pod sandbox "${sandbox.metadata.id}" is not ready`);
  return { stats: await podStatsOf(deps, sandbox, 0) };
}

/**
 * The stats of a listed pod, at most `maxAgeMs` old. Never rejects: figures that cannot be measured are as they were last, or
 * absent.
 */
export async function podStatsOf(deps: CriDeps, sandbox: Sandbox, maxAgeMs: number): Promise<PodSandboxStats> {
  const { id, config } = sandbox.metadata;
  const [sample, containers] = await Promise.all([
    deps.stats.pod(sandbox, maxAgeMs),
    Promise.all(deps.containers.bySandbox(id).map((container) => statsOf(deps, container, maxAgeMs))),
  ]);
  return toPodSandboxStats({
    attributes: { id, metadata: config.metadata, labels: config.labels, annotations: config.annotations },
    ...sample,
    containers,
  });
}
