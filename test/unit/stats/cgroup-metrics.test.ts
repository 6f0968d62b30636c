import { type DeepPartial, Metrics as MetricsV1 } from '../../../generated/cgroups/v3/cgroup1/stats/metrics';
import { Metrics as MetricsV2 } from '../../../generated/cgroups/v3/cgroup2/stats/metrics';
import { taskMetrics } from '../../../src/stats/cgroup-metrics';

const any = (typeUrl: string, bytes: Uint8Array) => ({ typeUrl, value: Buffer.from(bytes) });
const v1 = (metrics: DeepPartial<MetricsV1>) =>
  any('io.containerd.cgroups.v1.Metrics', MetricsV1.encode(MetricsV1.fromPartial(metrics)).finish());
const v2 = (metrics: DeepPartial<MetricsV2>) =>
  any('io.containerd.cgroups.v2.Metrics', MetricsV2.encode(MetricsV2.fromPartial(metrics)).finish());

const MAX = 2n ** 64n - 1n;

describe('taskMetrics', () => {
  it('reads cgroup v2, microseconds as nanoseconds', () => {
    const line = { avg10: 1.5, avg60: 2.5, avg300: 3.5, total: 7n };
    const metrics = v2({
      cpu: { usageUsec: 5n, userUsec: 3n, systemUsec: 2n, nrPeriods: 9n, nrThrottled: 4n, throttledUsec: 8n },
      memory: {
        usage: 100n,
        usageLimit: 1000n,
        maxUsage: 200n,
        inactiveFile: 10n,
        activeFile: 20n,
        anon: 30n,
        file: 40n,
        fileMapped: 50n,
        kernelStack: 1n,
        slab: 2n,
        pgfault: 11n,
        pgmajfault: 12n,
        swapUsage: 60n,
        swapLimit: 70n,
        psi: { some: line },
      },
      memoryEvents: { max: 6n, oomKill: 1n },
      pids: { current: 3n, limit: MAX },
      io: { usage: [{ major: 8n, minor: 1n, rbytes: 1n, wbytes: 2n, rios: 3n, wios: 4n }] },
      hugetlb: [{ pagesize: '2MB', current: 4096n, failcnt: 1n }],
    });
    expect(taskMetrics(metrics)).toEqual({
      values: {
        cpu: {
          usageNs: 5000n,
          userNs: 3000n,
          systemNs: 2000n,
          periods: 9n,
          throttledPeriods: 4n,
          throttledNs: 8000n,
        },
        memory: {
          usage: 100n,
          limit: 1000n,
          maxUsage: 200n,
          failcnt: 6n,
          inactiveFile: 10n,
          activeFile: 20n,
          rss: 30n,
          cache: 40n,
          mappedFile: 50n,
          kernel: 3n,
          pageFaults: 11n,
          majorPageFaults: 12n,
          swapUsage: 60n,
          swapLimit: 70n,
          oomKills: 1n,
          psi: { some: { avg10: 1.5, avg60: 2.5, avg300: 3.5, totalNs: 7000n } },
        },
        pids: { current: 3n },
        io: { devices: [{ major: 8n, minor: 1n, readBytes: 1n, writeBytes: 2n, reads: 3n, writes: 4n }] },
        hugetlb: [{ pageSize: '2MB', usage: 4096n, failcnt: 1n }],
      },
      network: [],
    });
  });

  it('reads cgroup v1, with swap apart from memory', () => {
    const entry = (op: string, value: bigint) => ({ op, device: '/dev/sda', major: 8n, minor: 0n, value });
    const metrics = v1({
      cpu: {
        usage: { total: 5n, user: 3n, kernel: 2n },
        throttling: { periods: 9n, throttledPeriods: 4n, throttledTime: 8n },
      },
      memory: {
        usage: { usage: 100n, limit: 1000n, max: 200n, failcnt: 6n },
        swap: { usage: 160n, limit: 1070n },
        kernel: { usage: 3n },
        totalInactiveFile: 10n,
        totalActiveFile: 20n,
        totalRss: 30n,
        totalCache: 40n,
        totalMappedFile: 50n,
        totalPgFault: 11n,
        pgMajFault: 12n,
      },
      memoryOomControl: { oomKill: 1n },
      pids: { current: 3n, limit: 7n },
      blkio: {
        ioServiceBytesRecursive: [entry('Read', 1n), entry('Write', 2n), entry('Total', 3n)],
        ioServicedRecursive: [entry('read', 3n), entry('write', 4n), entry('total', 7n)],
      },
      network: [{ name: 'eth0', rxBytes: 1n }],
    });
    const read = taskMetrics(metrics);
    expect(read?.values).toEqual({
      cpu: { usageNs: 5n, userNs: 3n, systemNs: 2n, periods: 9n, throttledPeriods: 4n, throttledNs: 8n },
      memory: {
        usage: 100n,
        limit: 1000n,
        maxUsage: 200n,
        failcnt: 6n,
        inactiveFile: 10n,
        activeFile: 20n,
        rss: 30n,
        cache: 40n,
        mappedFile: 50n,
        kernel: 3n,
        pageFaults: 11n,
        majorPageFaults: 12n,
        oomKills: 1n,
        swapUsage: 60n,
        swapLimit: 70n,
      },
      pids: { current: 3n, limit: 7n },
      io: {
        devices: [{ major: 8n, minor: 0n, device: '/dev/sda', readBytes: 1n, writeBytes: 2n, reads: 3n, writes: 4n }],
      },
      hugetlb: [],
    });
    expect(read?.network).toMatchObject([{ name: 'eth0', rxBytes: 1n }]);
  });

  it('knows nothing of swap on cgroup v1 without swap accounting', () => {
    const { values } = taskMetrics(v1({ memory: { usage: { usage: 1n }, swap: {} } })) ?? {};
    expect([values?.memory?.swapUsage, values?.memory?.swapLimit]).toEqual([undefined, undefined]);
  });

  it('takes a type URL with a prefix', () => {
    const bare = v2({ pids: { current: 1n } });
    expect(taskMetrics({ ...bare, typeUrl: `types.containerd.io/${bare.typeUrl}` })).toEqual(taskMetrics(bare));
  });

  it('leaves out what a shim does not tell', () => {
    expect(taskMetrics(v2({}))).toEqual({ values: { hugetlb: [] }, network: [] });
    expect(taskMetrics(v1({ cpu: {} }))).toEqual({ values: { hugetlb: [] }, network: [] });
  });

  it.each([
    ['nothing', undefined],
    ['an unknown type', any('io.containerd.windows.Metrics', Buffer.of(1))],
    ['an empty type', any('', Buffer.alloc(0))],
    ['bytes that are no message', any('io.containerd.cgroups.v2.Metrics', Buffer.from('ffffff', 'hex'))],
  ])('answers undefined for %s', (_, data) => {
    expect(taskMetrics(data)).toBeUndefined();
  });
});
