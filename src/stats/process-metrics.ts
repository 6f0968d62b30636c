import { MetricType } from '../../generated/cri/v1/api';
import { gauge, type LimitValues, type MetricFamily, type MetricSource, measuredAt, seconds } from './metric-family';

/** The kernel's own values, which hold when a container is given none. */
const DEFAULT_CPU_PERIOD = 100_000n;
const DEFAULT_CPU_SHARES = 1024n;

/** Metrics of processes. */
export const PROCESS_METRICS: readonly MetricFamily[] = [
  ...measuredAt(
    ({ processesAt }) => processesAt,
    [
      gauge(
        'container_processes',
        'Processes.',
        (source) => source.processes?.processes ?? source.values?.pids?.current,
      ),
      // The pids controller counts tasks, which is what /proc calls threads.
      gauge('container_threads', 'Threads.', (source) => source.processes?.threads ?? source.values?.pids?.current),
    ],
  ),
  gauge('container_threads_max', 'Most threads allowed; 0: no limit.', ({ values }) => {
    return values?.pids && (values.pids.limit ?? 0n);
  }),
  ...measuredAt(
    ({ processesAt }) => processesAt,
    [
      gauge('container_file_descriptors', 'Open file descriptors.', (source) => source.processes?.fileDescriptors),
      gauge('container_sockets', 'Open sockets.', (source) => source.processes?.sockets),
      {
        name: 'container_ulimits_soft',
        help: 'Soft limits of the first process; none for what is not limited.',
        type: MetricType.GAUGE,
        labels: ['ulimit'],
        samples: (source) =>
          (source.processes?.ulimits ?? []).map(({ name, soft }) => ({ labels: [name], value: soft })),
      },
    ],
  ),
];

/** Metrics of what a container was given, and of when it was seen. */
export const SPEC_METRICS: readonly MetricFamily[] = [
  gauge(
    'container_spec_cpu_period',
    'Period of the CPU quota, in microseconds.',
    limit((l) => l.cpuPeriod || DEFAULT_CPU_PERIOD),
  ),
  gauge(
    'container_spec_cpu_quota',
    'CPU quota for each period, in microseconds.',
    limit((l) => (l.cpuQuota > 0n ? l.cpuQuota : undefined)),
  ),
  gauge(
    'container_spec_cpu_shares',
    'CPU shares.',
    limit((l) => l.cpuShares || DEFAULT_CPU_SHARES),
  ),
  gauge(
    'container_spec_memory_limit_bytes',
    'Memory limit; 0: none.',
    limit((l) => l.memoryLimit),
  ),
  gauge(
    'container_spec_memory_reservation_limit_bytes',
    'Memory reservation; 0: none.',
    limit((l) => l.memoryReservation),
  ),
  gauge(
    'container_spec_memory_swap_limit_bytes',
    'Limit of memory and swap; 0: none.',
    limit((l) => l.memorySwapLimit),
  ),
  gauge('container_start_time_seconds', 'When it was started, seconds since 1970.', (source) =>
    seconds(source.startedAt),
  ),
  gauge('container_last_seen', 'When these values were read, seconds since 1970.', (source) =>
    seconds(source.timestamp),
  ),
];

function limit(of: (limits: LimitValues) => bigint | undefined): (source: MetricSource) => bigint | undefined {
  return ({ limits }) => {
    const value = limits && of(limits);
    return value !== undefined && value < 0n ? 0n : value;
  };
}
