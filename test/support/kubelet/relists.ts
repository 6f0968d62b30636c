import { until } from '../daemon/process';
import type { KubeletApi } from './api';

/** How many calls of kubelet to its runtime have failed so far. */
export function failedCalls(api: KubeletApi): Promise<number> {
  return metric(api, 'kubelet_runtime_operations_errors_total');
}

/** How often kubelet has listed what its runtime runs so far, whether it was answered or not (PLEG, once a second). */
export function relists(api: KubeletApi): Promise<number> {
  return metric(api, 'kubelet_pleg_relist_duration_seconds_count');
}

/** kubelet compares at once what two lists say; a pod's worker that this wakes has acted within this, in seconds. */
const ACTS_WITHIN = 3;

/**
 * Waits until kubelet has begun a list that was answered, long enough after now for it to have acted on what earlier ones
 * said. A list that failed does not count: kubelet notes when it began the last one that did not.
 */
export async function relisted(api: KubeletApi, withinMs = 60_000): Promise<void> {
  // The metric has whole seconds.
  const from = Math.ceil(Date.now() / 1000) + ACTS_WITHIN;
  const answered = async (): Promise<boolean> => (await metric(api, 'kubelet_pleg_last_seen_seconds')) >= from;
  await until('kubelet lists what runs, and is answered', withinMs, answered, 250);
}

/** The sum of a metric over all of its labels. */
async function metric(api: KubeletApi, name: string): Promise<number> {
  const samples = (await api.text('/metrics')).split('\n').filter((line) => /^\w+/.exec(line)?.[0] === name);
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
