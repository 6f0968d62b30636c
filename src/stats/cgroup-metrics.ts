import {
  type BlkIOEntry,
  type MemoryEntry,
  type MemoryStat as MemoryV1,
  Metrics as MetricsV1,
} from '../../generated/cgroups/v3/cgroup1/stats/metrics';
import {
  type MemoryEvents,
  type MemoryStat as MemoryV2,
  Metrics as MetricsV2,
  type PSIData,
  type PSIStats,
} from '../../generated/cgroups/v3/cgroup2/stats/metrics';
import type { Any } from '../model/any';
import type {
  CgroupCpu,
  CgroupHugetlb,
  CgroupIoDevice,
  CgroupMemory,
  CgroupPids,
  CgroupPressure,
  CgroupPressureLine,
  CgroupValues,
} from '../model/cgroup-values';
import type { NetDev } from '../model/net-dev';

/** What a task's Metrics say: its cgroup, and its network interfaces where the shim tells (VMs, mostly). */
export interface TaskMetrics {
  readonly values: CgroupValues;
  readonly network: readonly NetDev[];
}

/**
 * Reads the Metrics of a task; undefined when there are none, or none we know. The type's URL may have a prefix. A VM's
 * shim passes on what its guest says, so bytes that do not parse are no error either.
 */
export function taskMetrics(data: Any | undefined): TaskMetrics | undefined {
  const type = data?.typeUrl.slice(data.typeUrl.lastIndexOf('/') + 1);
  if (!data || !type) return undefined;
  try {
    if (type === 'io.containerd.cgroups.v1.Metrics') return fromV1(MetricsV1.decode(data.value));
    if (type === 'io.containerd.cgroups.v2.Metrics') return fromV2(MetricsV2.decode(data.value));
  } catch {
    return undefined;
  }
  return undefined;
}

function fromV2(metrics: MetricsV2): TaskMetrics {
  const { cpu, memory, pids, io, hugetlb, memoryEvents, network } = metrics;
  const values: CgroupValues = {
    cpu: cpu && {
      usageNs: cpu.usageUsec * 1000n,
      userNs: cpu.userUsec * 1000n,
      systemNs: cpu.systemUsec * 1000n,
      periods: cpu.nrPeriods,
      throttledPeriods: cpu.nrThrottled,
      throttledNs: cpu.throttledUsec * 1000n,
      psi: pressure(cpu.psi),
    },
    memory: memory && memoryV2(memory, memoryEvents),
    pids: pids && pidsOf(pids),
    io: io && {
      devices: io.usage.map((entry) => ({
        major: entry.major,
        minor: entry.minor,
        readBytes: entry.rbytes,
        writeBytes: entry.wbytes,
        reads: entry.rios,
        writes: entry.wios,
      })),
      psi: pressure(io.psi),
    },
    hugetlb: hugetlb.map((size) => ({ pageSize: size.pagesize, usage: size.current, failcnt: size.failcnt })),
  };
  return { values, network };
}

function memoryV2(memory: MemoryV2, events: MemoryEvents | undefined): CgroupMemory {
  return {
    usage: memory.usage,
    // The file's "max" arrives as 2^64-1; 0 is a shim that does not tell (a container limited to 0 bytes cannot run).
    limit: memory.usageLimit || undefined,
    maxUsage: memory.maxUsage || undefined,
    failcnt: events?.max,
    inactiveFile: memory.inactiveFile,
    activeFile: memory.activeFile,
    rss: memory.anon,
    cache: memory.file,
    mappedFile: memory.fileMapped,
    kernel: memory.kernelStack + memory.slab,
    pageFaults: memory.pgfault,
    majorPageFaults: memory.pgmajfault,
    swapUsage: memory.swapUsage,
    swapLimit: memory.swapLimit,
    oomKills: events?.oomKill,
    psi: pressure(memory.psi),
  };
}

function pressure(psi: PSIStats | undefined): CgroupPressure | undefined {
  if (!psi?.some && !psi?.full) return undefined;
  return { some: pressureLine(psi.some), full: pressureLine(psi.full) };
}

function pressureLine(data: PSIData | undefined): CgroupPressureLine | undefined {
  if (!data) return undefined;
  return { avg10: data.avg10, avg60: data.avg60, avg300: data.avg300, totalNs: data.total * 1000n };
}

function fromV1(metrics: MetricsV1): TaskMetrics {
  const { cpu, memory, pids, blkio, hugetlb, memoryOomControl, network } = metrics;
  const values: CgroupValues = {
    cpu: cpu?.usage && cpuV1(cpu.usage, cpu.throttling),
    memory: memory && memoryV1(memory, memoryOomControl?.oomKill),
    pids: pids && pidsOf(pids),
    io: blkio && { devices: blkioDevices(blkio.ioServiceBytesRecursive, blkio.ioServicedRecursive) },
    hugetlb: hugetlb.map(
      (size): CgroupHugetlb => ({
        pageSize: size.pagesize,
        usage: size.usage,
        maxUsage: size.max,
        failcnt: size.failcnt,
      }),
    ),
  };
  return { values, network };
}

function cpuV1(
  usage: { total: bigint; user: bigint; kernel: bigint },
  throttling: { periods: bigint; throttledPeriods: bigint; throttledTime: bigint } | undefined,
): CgroupCpu {
  return {
    usageNs: usage.total,
    userNs: usage.user,
    systemNs: usage.kernel,
    periods: throttling?.periods,
    throttledPeriods: throttling?.throttledPeriods,
    throttledNs: throttling?.throttledTime,
  };
}

function memoryV1(memory: MemoryV1, oomKills: bigint | undefined): CgroupMemory {
  return {
    usage: memory.usage?.usage ?? 0n,
    limit: memory.usage?.limit || undefined,
    maxUsage: memory.usage?.max,
    failcnt: memory.usage?.failcnt,
    inactiveFile: memory.totalInactiveFile,
    activeFile: memory.totalActiveFile,
    rss: memory.totalRss,
    cache: memory.totalCache,
    mappedFile: memory.totalMappedFile,
    kernel: memory.kernel?.usage,
    pageFaults: memory.totalPgFault || memory.pgFault,
    majorPageFaults: memory.totalPgMajFault || memory.pgMajFault,
    oomKills,
    ...swapV1(memory.usage, memory.swap),
  };
}

/** v1 counts memory and swap together (memsw), and has no such files without swap accounting: then all is 0. */
function swapV1(
  memory: MemoryEntry | undefined,
  memsw: MemoryEntry | undefined,
): { swapUsage?: bigint; swapLimit?: bigint } {
  if (!memory || !memsw || memsw.limit === 0n) return {};
  return { swapUsage: atLeastZero(memsw.usage - memory.usage), swapLimit: atLeastZero(memsw.limit - memory.limit) };
}

function blkioDevices(bytes: readonly BlkIOEntry[], operations: readonly BlkIOEntry[]): CgroupIoDevice[] {
  const devices = new Map<string, { -readonly [K in keyof CgroupIoDevice]: CgroupIoDevice[K] }>();
  const deviceOf = ({ major, minor, device }: BlkIOEntry) => {
    const key = `${major}:${minor}`;
    const known = devices.get(key);
    if (known) return known;
    const zero = { readBytes: 0n, writeBytes: 0n, reads: 0n, writes: 0n };
    const made = { major, minor, ...(device ? { device } : {}), ...zero };
    devices.set(key, made);
    return made;
  };
  for (const entry of bytes) {
    const op = entry.op.toLowerCase();
    if (op === 'read') deviceOf(entry).readBytes += entry.value;
    if (op === 'write') deviceOf(entry).writeBytes += entry.value;
  }
  for (const entry of operations) {
    const op = entry.op.toLowerCase();
    if (op === 'read') deviceOf(entry).reads += entry.value;
    if (op === 'write') deviceOf(entry).writes += entry.value;
  }
  return [...devices.values()];
}

/** Both versions say 0 (v1) or 2^64-1 (v2) for "no limit". */
function pidsOf(pids: { current: bigint; limit: bigint }): CgroupPids {
  const limited = pids.limit > 0n && pids.limit < 1n << 62n;
  return { current: pids.current, ...(limited ? { limit: pids.limit } : {}) };
}

function atLeastZero(value: bigint): bigint {
  return value > 0n ? value : 0n;
}
