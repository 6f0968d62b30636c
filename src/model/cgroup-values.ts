/**
 * What a cgroup has used, in one shape for cgroup v1 and v2, whether it was read from the cgroup's files or decoded from
 * a shim's Metrics. A controller or a value that is not there is absent, never 0: absent means "not known".
 */
export interface CgroupValues {
  readonly cpu?: CgroupCpu;
  readonly memory?: CgroupMemory;
  readonly pids?: CgroupPids;
  readonly io?: CgroupIo;
  readonly hugetlb?: readonly CgroupHugetlb[];
}

/** What the files of a cgroup said, and when. */
export interface CgroupReading {
  /** When its CPU time was read, by the machine's monotonic clock (`process.hrtime.bigint()`, the same on every thread). */
  readonly readAt: bigint;
  readonly values: CgroupValues;
}

/** Times are in nanoseconds; cgroup v2 counts microseconds, so multiply by 1000. */
export interface CgroupCpu {
  /** v2: usage_usec of cpu.stat; v1: cpuacct.usage. */
  readonly usageNs: bigint;
  readonly userNs?: bigint;
  readonly systemNs?: bigint;
  readonly periods?: bigint;
  readonly throttledPeriods?: bigint;
  readonly throttledNs?: bigint;
  readonly psi?: CgroupPressure;
}

/** Bytes, unless a name says otherwise. Of v1's memory.stat the `total_` values, which include the children. */
export interface CgroupMemory {
  /** v2: memory.current; v1: memory.usage_in_bytes. */
  readonly usage: bigint;
  /** Absent, or 2^62 and more: no limit ("max" of v2 is absent). v2: memory.max; v1: memory.limit_in_bytes. */
  readonly limit?: bigint;
  /** v2: memory.peak; v1: memory.max_usage_in_bytes. */
  readonly maxUsage?: bigint;
  /** v2: `max` of memory.events; v1: memory.failcnt. Times that the limit was hit. */
  readonly failcnt?: bigint;
  readonly inactiveFile?: bigint;
  readonly activeFile?: bigint;
  /** v2: anon; v1: total_rss. */
  readonly rss?: bigint;
  /** v2: file; v1: total_cache. */
  readonly cache?: bigint;
  /** v2: file_mapped; v1: total_mapped_file. */
  readonly mappedFile?: bigint;
  /** v2: kernel (kernel_stack + slab on old kernels); v1: memory.kmem.usage_in_bytes. */
  readonly kernel?: bigint;
  readonly pageFaults?: bigint;
  readonly majorPageFaults?: bigint;
  /** Swap alone. v2: memory.swap.current; v1: memory.memsw.usage_in_bytes minus the memory usage. */
  readonly swapUsage?: bigint;
  /** Swap alone; absent, or 2^62 and more: no limit. v2: memory.swap.max; v1: memsw limit minus the memory limit. */
  readonly swapLimit?: bigint;
  /** `oom_kill` of v2's memory.events and of v1's memory.oom_control: processes killed so far. */
  readonly oomKills?: bigint;
  readonly psi?: CgroupPressure;
}

export interface CgroupPids {
  readonly current: bigint;
  /** Absent: no limit. */
  readonly limit?: bigint;
}

export interface CgroupIo {
  readonly devices: readonly CgroupIoDevice[];
  readonly psi?: CgroupPressure;
}

/** One line of v2's io.stat, or the same out of v1's blkio.throttle files. Since the cgroup was made. */
export interface CgroupIoDevice {
  readonly major: bigint;
  readonly minor: bigint;
  /** For example `/dev/sda`; absent when nobody looked it up. */
  readonly device?: string;
  readonly readBytes: bigint;
  readonly writeBytes: bigint;
  readonly reads: bigint;
  readonly writes: bigint;
}

export interface CgroupHugetlb {
  /** As the cgroup files name it, for example `2MB`. */
  readonly pageSize: string;
  readonly usage: bigint;
  /** The most it ever was; v1 only. */
  readonly maxUsage?: bigint;
  readonly failcnt?: bigint;
}

/** One of v2's *.pressure files. */
export interface CgroupPressure {
  readonly some?: CgroupPressureLine;
  readonly full?: CgroupPressureLine;
}

export interface CgroupPressureLine {
  /** Percent of the last 10, 60 and 300 seconds. */
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  /** Nanoseconds; the kernel's file says microseconds, so multiply by 1000. */
  readonly totalNs: bigint;
}
