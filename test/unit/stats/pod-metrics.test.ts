import { MetricType } from '../../../generated/cri/v1/api';
import { metricDescriptors } from '../../../src/stats/metric-descriptors';
import type { MetricSource } from '../../../src/stats/metric-family';
import { metricsOfContainer, metricsOfPod } from '../../../src/stats/pod-metrics';

/** Names that critest wants to find among the descriptors. */
const NAMES = `container_blkio_device_usage_total container_cpu_cfs_periods_total
  container_cpu_cfs_throttled_periods_total container_cpu_cfs_throttled_seconds_total
  container_cpu_system_seconds_total container_cpu_usage_seconds_total container_cpu_user_seconds_total
  container_file_descriptors container_fs_inodes_free container_fs_inodes_total container_fs_limit_bytes
  container_fs_reads_bytes_total container_fs_reads_total container_fs_usage_bytes container_fs_writes_bytes_total
  container_fs_writes_total container_hugetlb_max_usage_bytes container_hugetlb_usage_bytes container_last_seen
  container_memory_cache container_memory_failcnt container_memory_failures_total container_memory_kernel_usage
  container_memory_mapped_file container_memory_max_usage_bytes container_memory_rss container_memory_swap
  container_memory_usage_bytes container_memory_working_set_bytes container_network_receive_bytes_total
  container_network_receive_errors_total container_network_receive_packets_dropped_total
  container_network_receive_packets_total container_network_transmit_bytes_total
  container_network_transmit_errors_total container_network_transmit_packets_dropped_total
  container_network_transmit_packets_total container_oom_events_total container_pressure_cpu_stalled_seconds_total
  container_pressure_cpu_waiting_seconds_total container_pressure_io_stalled_seconds_total
  container_pressure_io_waiting_seconds_total container_pressure_memory_stalled_seconds_total
  container_pressure_memory_waiting_seconds_total container_processes container_sockets container_spec_cpu_period
  container_spec_cpu_quota container_spec_cpu_shares container_spec_memory_limit_bytes
  container_spec_memory_reservation_limit_bytes container_spec_memory_swap_limit_bytes container_start_time_seconds
  container_threads container_threads_max container_ulimits_soft`.split(/\s+/);
/** Those that containerd's own CRI tells besides. */
const MORE = ['container_memory_total_active_file_bytes', 'container_memory_total_inactive_file_bytes'];
/** Those that a container may have no values for: no such device, huge page or pressure accounting, or no quota. */
const MAY_BE_MISSING = /blkio|_fs_(reads|writes)|hugetlb|pressure|cpu_quota|reservation|ulimits/;

const SECOND = 1_000_000_000n;
const labels = { container: 'web', id: 'c1', image: 'nginx', name: 'c1', namespace: 'ns', pod: 'p' };
const BASE = ['web', 'c1', 'nginx', 'c1', 'ns', 'p'];
const podLabels = { ...labels, container: '', image: '', name: '', id: 'p1' };
const eth0 = {
  name: 'eth0',
  rxBytes: 1n,
  rxPackets: 2n,
  rxErrors: 3n,
  rxDropped: 4n,
  txBytes: 5n,
  txPackets: 6n,
  txErrors: 7n,
  txDropped: 8n,
};

/** The least that a running container of runc has, on a kernel that tells little. */
const plain: MetricSource = {
  timestamp: 100n * SECOND + 1n,
  startedAt: 90n * SECOND,
  values: { cpu: { usageNs: 2n * SECOND + 5n }, memory: { usage: 50n }, pids: { current: 3n } },
  filesystem: { device: '/dev/vda', usage: 1n, size: 2n, inodes: 3n, inodesFree: 4n },
  processes: { processes: 1n, threads: 3n, fileDescriptors: 7n, sockets: 2n },
  limits: {
    cpuPeriod: 0n,
    cpuQuota: 0n,
    cpuShares: 0n,
    memoryLimit: -1n,
    memoryReservation: 0n,
    memorySwapLimit: 0n,
  },
};

function valuesOf(source: MetricSource): Record<string, { labels: string[]; value?: bigint }[]> {
  const values: Record<string, { labels: string[]; value?: bigint }[]> = {};
  for (const { name, labelValues, value } of metricsOfContainer({ id: 'c1', labels, source }).metrics) {
    values[name] = [...(values[name] ?? []), { labels: labelValues.slice(BASE.length), value: value?.value }];
  }
  return values;
}

describe('metricDescriptors', () => {
  it('names every metric that critest asks for or that containerd tells, once, and no others', () => {
    const names = metricDescriptors().map(({ name }) => name);
    expect(names.sort()).toEqual([...NAMES, ...MORE].sort());
  });

  it('has help and the labels of cAdvisor for each', () => {
    for (const { help, labelKeys } of metricDescriptors()) {
      expect(help).not.toBe('');
      expect(labelKeys.slice(0, 6)).toEqual(['container', 'id', 'image', 'name', 'namespace', 'pod']);
    }
  });
});

describe('metricsOfPod and metricsOfContainer', () => {
  it('has every metric but those a container may lack, with as many labels as its descriptor', () => {
    const pod = { id: 'p1', labels: podLabels, source: { timestamp: 5n, network: [eth0] } };
    const all = [...metricsOfPod(pod), ...metricsOfContainer({ id: 'c1', labels, source: plain }).metrics];
    for (const { name, labelKeys } of metricDescriptors()) {
      const values = all.filter((metric) => metric.name === name);
      if (!MAY_BE_MISSING.test(name)) expect([name, values.length > 0]).toEqual([name, true]);
      for (const { labelValues } of values) expect([name, labelValues.length]).toEqual([name, labelKeys.length]);
    }
  });

  it('stamps each with the time of the source and its type', () => {
    const { containerId, metrics } = metricsOfContainer({ id: 'c1', labels, source: plain });
    expect(containerId).toBe('c1');
    expect(metrics[0]).toEqual({
      name: 'container_cpu_usage_seconds_total',
      timestamp: plain.timestamp,
      metricType: MetricType.COUNTER,
      labelValues: [...BASE, 'total'],
      value: { value: 2n },
    });
  });

  it('has the network with the pod, without its loopback, and nothing else when nothing is known', () => {
    const source = { timestamp: 5n, network: [{ ...eth0, name: 'lo' }, eth0] };
    const metrics = metricsOfPod({ id: 'p1', labels: podLabels, source });
    expect(metrics.map(({ name, labelValues, value }) => [name, labelValues[6], value?.value])).toEqual([
      ['container_network_receive_bytes_total', 'eth0', 1n],
      ['container_network_receive_packets_total', 'eth0', 2n],
      ['container_network_receive_packets_dropped_total', 'eth0', 4n],
      ['container_network_receive_errors_total', 'eth0', 3n],
      ['container_network_transmit_bytes_total', 'eth0', 5n],
      ['container_network_transmit_packets_total', 'eth0', 6n],
      ['container_network_transmit_packets_dropped_total', 'eth0', 8n],
      ['container_network_transmit_errors_total', 'eth0', 7n],
    ]);
  });

  it('has 0 for parts of memory that the kernel does not tell, as cAdvisor does', () => {
    const values = valuesOf(plain);
    expect(values.container_memory_working_set_bytes).toEqual([{ labels: [], value: 50n }]);
    expect(values.container_memory_kernel_usage).toEqual([{ labels: [], value: 0n }]);
    expect(values.container_oom_events_total).toEqual([{ labels: [], value: 0n }]);
    expect(values.container_memory_failures_total?.map((each) => each.labels)).toEqual([
      ['pgfault', 'container'],
      ['pgmajfault', 'container'],
      ['pgfault', 'hierarchy'],
      ['pgmajfault', 'hierarchy'],
    ]);
  });

  it('says what a container was given, by the kernel where nobody said', () => {
    const values = valuesOf(plain);
    expect(values.container_spec_cpu_period).toEqual([{ labels: [], value: 100_000n }]);
    expect(values.container_spec_cpu_shares).toEqual([{ labels: [], value: 1024n }]);
    expect(values.container_spec_cpu_quota).toBeUndefined();
    expect(values.container_spec_memory_limit_bytes).toEqual([{ labels: [], value: 0n }]);
    expect(values.container_start_time_seconds).toEqual([{ labels: [], value: 90n }]);
    expect(values.container_last_seen).toEqual([{ labels: [], value: 100n }]);
    expect(values.container_threads_max).toEqual([{ labels: [], value: 0n }]);
  });

  it('tells the file pages that were used lately, and those that were not', () => {
    const values = valuesOf({ timestamp: 1n, values: { memory: { usage: 50n, activeFile: 20n, inactiveFile: 10n } } });
    expect(values.container_memory_total_active_file_bytes).toEqual([{ labels: [], value: 20n }]);
    expect(values.container_memory_total_inactive_file_bytes).toEqual([{ labels: [], value: 10n }]);
    expect(values.container_memory_working_set_bytes).toEqual([{ labels: [], value: 40n }]);
  });

  it('counts threads by the cgroup while the processes were never looked at', () => {
    const { processes: _, ...unseen } = plain;
    const values = valuesOf(unseen);
    expect(values.container_threads).toEqual([{ labels: [], value: 3n }]);
    expect(values.container_file_descriptors).toBeUndefined();
  });

  it('tells devices, huge pages, limits and pressure apart', () => {
    const psi = { full: { avg10: 0, avg60: 0, avg300: 0, totalNs: 3n * SECOND } };
    const device = { major: 8n, minor: 1n, readBytes: 1n, writeBytes: 2n, reads: 3n, writes: 4n };
    const values = valuesOf({
      timestamp: 1n,
      values: {
        io: { devices: [device, { ...device, device: '/dev/sdb' }], psi },
        hugetlb: [{ pageSize: '2MB', usage: 5n }],
        pids: { current: 6n, limit: 7n },
      },
      processes: {
        processes: 1n,
        threads: 2n,
        fileDescriptors: 3n,
        sockets: 4n,
        ulimits: [{ name: 'max_open_files', soft: 1024n }],
      },
    });
    expect(values).toEqual({
      container_fs_reads_bytes_total: [
        { labels: ['8:1'], value: 1n },
        { labels: ['/dev/sdb'], value: 1n },
      ],
      container_fs_reads_total: [
        { labels: ['8:1'], value: 3n },
        { labels: ['/dev/sdb'], value: 3n },
      ],
      container_fs_writes_bytes_total: [
        { labels: ['8:1'], value: 2n },
        { labels: ['/dev/sdb'], value: 2n },
      ],
      container_fs_writes_total: [
        { labels: ['8:1'], value: 4n },
        { labels: ['/dev/sdb'], value: 4n },
      ],
      container_blkio_device_usage_total: [
        { labels: ['8:1', '8', '1', 'Read'], value: 1n },
        { labels: ['8:1', '8', '1', 'Write'], value: 2n },
        { labels: ['/dev/sdb', '8', '1', 'Read'], value: 1n },
        { labels: ['/dev/sdb', '8', '1', 'Write'], value: 2n },
      ],
      container_hugetlb_usage_bytes: [{ labels: ['2MB'], value: 5n }],
      container_pressure_io_stalled_seconds_total: [{ labels: [], value: 3n }],
      container_processes: [{ labels: [], value: 1n }],
      container_threads: [{ labels: [], value: 2n }],
      container_threads_max: [{ labels: [], value: 7n }],
      container_file_descriptors: [{ labels: [], value: 3n }],
      container_sockets: [{ labels: [], value: 4n }],
      container_ulimits_soft: [{ labels: ['max_open_files'], value: 1024n }],
      container_last_seen: [{ labels: [], value: 0n }],
    });
  });
});
