import { Metrics as MetricsV1 } from '../../generated/cgroups/v3/cgroup1/stats/metrics';
import { Metrics as MetricsV2 } from '../../generated/cgroups/v3/cgroup2/stats/metrics';
import type { Any } from '../model/any';

/** How many processes of a task the kernel has killed for memory, by the task's metrics; 0 when they do not tell. */
export function oomKills(metrics: Any): bigint {
  if (metrics.typeUrl.endsWith('io.containerd.cgroups.v1.Metrics')) {
    return MetricsV1.decode(metrics.value).memoryOomControl?.oomKill ?? 0n;
  }
  if (metrics.typeUrl.endsWith('io.containerd.cgroups.v2.Metrics')) {
    return MetricsV2.decode(metrics.value).memoryEvents?.oomKill ?? 0n;
  }
  return 0n;
}
