import type { ContainerMetrics, Metric } from '../../generated/cri/v1/api';
import { CONTAINER_METRICS, POD_METRICS } from './metric-descriptors';
import { BASE_LABELS, type BaseLabels, type MetricFamily, type MetricSource } from './metric-family';
import { uint64 } from './usage';

export interface MetricsOf {
  /** Sandbox or container id. */
  id: string;
  labels: BaseLabels;
  source: MetricSource;
}

/** The values of all descriptors that are known of a pod as a whole. */
export function metricsOfPod(pod: MetricsOf): Metric[] {
  return metricsOf(POD_METRICS, pod);
}

/** ContainerMetrics as CRI gives them: the values of all descriptors that are known of a container. */
export function metricsOfContainer(container: MetricsOf): ContainerMetrics {
  return { containerId: container.id, metrics: metricsOf(CONTAINER_METRICS, container) };
}

function metricsOf(families: readonly MetricFamily[], { labels, source }: MetricsOf): Metric[] {
  const base = BASE_LABELS.map((key) => labels[key]);
  return families.flatMap((family) =>
    family.samples(source).map((sample) => ({
      name: family.name,
      timestamp: family.measuredAt?.(source) ?? source.timestamp,
      metricType: family.type,
      labelValues: [...base, ...sample.labels],
      value: uint64(sample.value),
    })),
  );
}
