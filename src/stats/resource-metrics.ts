import { MetricType } from '../../generated/cri/v1/api';
import type { CgroupCpu, CgroupHugetlb, CgroupMemory } from '../model/cgroup-values';
import { counter, gauge, type MetricFamily, type MetricSource, pressureFamilies, seconds } from './metric-family';
import { workingSet } from './usage';

const cpu = (source: MetricSource): CgroupCpu | undefined => source.values?.cpu;
const memory = (source: MetricSource): CgroupMemory | undefined => source.values?.memory;

/** A part of the memory statistics; 0, as cAdvisor has it, where the kernel does not tell that part. */
function part(of: (memory: CgroupMemory) => bigint | undefined): (source: MetricSource) => bigint | undefined {
  return (source) => {
    const known = memory(source);
    return known && (of(known) ?? 0n);
  };
}

function cpuPart(of: (cpu: CgroupCpu) => bigint | undefined): (source: MetricSource) => bigint | undefined {
  return (source) => {
    const known = cpu(source);
    return known && (of(known) ?? 0n);
  };
}

/** Metrics of CPU time. */
export const CPU_METRICS: readonly MetricFamily[] = [
  {
    name: 'container_cpu_usage_seconds_total',
    help: 'CPU time used, in seconds.',
    type: MetricType.COUNTER,
    labels: ['cpu'],
    samples: (source) => {
      const usage = seconds(cpu(source)?.usageNs);
      return usage === undefined ? [] : [{ labels: ['total'], value: usage }];
    },
  },
  counter('container_cpu_user_seconds_total', 'CPU time used in user mode, in seconds.', (source) =>
    seconds(cpuPart((known) => known.userNs)(source)),
  ),
  counter('container_cpu_system_seconds_total', 'CPU time used in the kernel, in seconds.', (source) =>
    seconds(cpuPart((known) => known.systemNs)(source)),
  ),
  counter(
    'container_cpu_cfs_periods_total',
    'Enforcement periods of the CPU quota that have passed.',
    cpuPart((known) => known.periods),
  ),
  counter(
    'container_cpu_cfs_throttled_periods_total',
    'Enforcement periods in which the CPU quota ran out.',
    cpuPart((known) => known.throttledPeriods),
  ),
  counter('container_cpu_cfs_throttled_seconds_total', 'Time spent held back by the CPU quota, in seconds.', (source) =>
    seconds(cpuPart((known) => known.throttledNs)(source)),
  ),
  ...pressureFamilies('cpu', (source) => cpu(source)?.psi),
];

/** Metrics of memory. */
export const MEMORY_METRICS: readonly MetricFamily[] = [
  gauge(
    'container_memory_usage_bytes',
    'Memory in use, whether or not it could be reclaimed.',
    part((m) => m.usage),
  ),
  gauge('container_memory_working_set_bytes', 'Memory in use less inactive file pages.', part(workingSet)),
  gauge(
    'container_memory_max_usage_bytes',
    'The most memory that was ever in use.',
    part((m) => m.maxUsage),
  ),
  gauge(
    'container_memory_rss',
    'Anonymous memory, in bytes.',
    part((m) => m.rss),
  ),
  gauge(
    'container_memory_cache',
    'Page cache, in bytes.',
    part((m) => m.cache),
  ),
  gauge(
    'container_memory_mapped_file',
    'Mapped files, in bytes.',
    part((m) => m.mappedFile),
  ),
  gauge(
    'container_memory_swap',
    'Swap in use, in bytes.',
    part((m) => m.swapUsage),
  ),
  gauge(
    'container_memory_kernel_usage',
    'Memory the kernel uses on its behalf, in bytes.',
    part((m) => m.kernel),
  ),
  gauge(
    'container_memory_total_active_file_bytes',
    'Page cache used lately, in bytes.',
    part((m) => m.activeFile),
  ),
  gauge(
    'container_memory_total_inactive_file_bytes',
    'Page cache not used lately, which goes first when memory runs out, in bytes.',
    part((m) => m.inactiveFile),
  ),
  counter(
    'container_memory_failcnt',
    'How often the memory limit was hit.',
    part((m) => m.failcnt),
  ),
  {
    name: 'container_memory_failures_total',
    help: 'Page faults, by kind.',
    type: MetricType.COUNTER,
    labels: ['failure_type', 'scope'],
    samples: (source) => {
      const known = memory(source);
      if (!known) return [];
      // One count serves both scopes: a container's cgroup has children only when it makes them itself.
      return ['container', 'hierarchy'].flatMap((scope) => [
        { labels: ['pgfault', scope], value: known.pageFaults ?? 0n },
        { labels: ['pgmajfault', scope], value: known.majorPageFaults ?? 0n },
      ]);
    },
  },
  counter(
    'container_oom_events_total',
    'Processes killed for lack of memory.',
    part((m) => m.oomKills),
  ),
  hugetlb('container_hugetlb_usage_bytes', 'Huge pages in use, in bytes.', (size) => size.usage),
  hugetlb('container_hugetlb_max_usage_bytes', 'The most huge pages ever in use, in bytes.', (size) => size.maxUsage),
  ...pressureFamilies('memory', (source) => memory(source)?.psi),
];

function hugetlb(name: string, help: string, of: (size: CgroupHugetlb) => bigint | undefined): MetricFamily {
  return {
    name,
    help,
    type: MetricType.GAUGE,
    labels: ['pagesize'],
    samples: (source) =>
      (source.values?.hugetlb ?? []).flatMap((size) => {
        const value = of(size);
        return value === undefined ? [] : [{ labels: [size.pageSize], value }];
      }),
  };
}
