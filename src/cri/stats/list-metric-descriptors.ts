import type { ListMetricDescriptorsResponse } from '../../../generated/cri/v1/api';
import { metricDescriptors } from '../../stats/metric-descriptors';

/** Every metric that ListPodSandboxMetrics can tell. */
export async function listMetricDescriptors(): Promise<ListMetricDescriptorsResponse> {
  return { descriptors: metricDescriptors() };
}
