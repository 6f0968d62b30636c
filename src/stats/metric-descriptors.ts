import type { MetricDescriptor } from '../../generated/cri/v1/api';
import { DISK_METRICS } from './disk-metrics';
import { BASE_LABELS, type MetricFamily } from './metric-family';
import { NETWORK_METRICS } from './network-metrics';
import { PROCESS_METRICS, SPEC_METRICS } from './process-metrics';
import { CPU_METRICS, MEMORY_METRICS } from './resource-metrics';

/** Metrics of a container. Network is the pod's: its containers share one namespace. */
export const CONTAINER_METRICS: readonly MetricFamily[] = [
  ...CPU_METRICS,
  ...MEMORY_METRICS,
  ...DISK_METRICS,
  ...PROCESS_METRICS,
  ...SPEC_METRICS,
];

/** Metrics of a pod as a whole: its network, and what its own cgroup counts. */
export const POD_METRICS: readonly MetricFamily[] = [...NETWORK_METRICS, ...CPU_METRICS, ...MEMORY_METRICS];

/** The answer to ListMetricDescriptors. kubelet asks once, and ignores metrics that were not in it. */
export function metricDescriptors(): MetricDescriptor[] {
  return [...NETWORK_METRICS, ...CONTAINER_METRICS].map(({ name, help, labels }) => ({
    name,
    help,
    labelKeys: [...BASE_LABELS, ...labels],
  }));
}
