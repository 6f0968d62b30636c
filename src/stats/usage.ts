import type {
  CpuUsage,
  IoUsage,
  MemoryUsage,
  PsiData,
  PsiStats,
  SwapUsage,
  UInt64Value,
} from '../../generated/cri/v1/api';
import type {
  CgroupCpu,
  CgroupIo,
  CgroupMemory,
  CgroupPressure,
  CgroupPressureLine,
  CgroupValues,
} from '../model/cgroup-values';

/** Limits from here on mean that there is none: v1 says 2^63 less a page, v2 "max". */
const UNLIMITED = 1n << 62n;
const MAX_UINT64 = (1n << 64n) - 1n;

/** The parts of ContainerStats and LinuxPodSandboxStats that come from a cgroup. What is not known is unset. */
export interface Usage {
  cpu?: CpuUsage;
  memory?: MemoryUsage;
  swap?: SwapUsage;
  io?: IoUsage;
}

/** `timestamp` is when the values were read, nanoseconds since 1970; `nanoCores` the rate, once there is one. */
export function usageOf(values: CgroupValues, timestamp: bigint, nanoCores: bigint | undefined): Usage {
  return {
    ...(values.cpu && { cpu: cpuUsage(values.cpu, timestamp, nanoCores) }),
    ...(values.memory && { memory: memoryUsage(values.memory, timestamp) }),
    ...swapUsage(values.memory, timestamp),
    ...ioUsage(values.io, timestamp),
  };
}

/** Bytes that cannot be reclaimed easily: what the kernel counts, less file pages not used lately. */
export function workingSet(memory: CgroupMemory): bigint {
  const inactive = memory.inactiveFile ?? 0n;
  return memory.usage > inactive ? memory.usage - inactive : 0n;
}

/** A value that is there, within 64 bits; CRI tells "unset" from 0 by the wrapper. */
export function uint64(value: bigint): UInt64Value {
  if (value < 0n) return { value: 0n };
  return { value: value > MAX_UINT64 ? MAX_UINT64 : value };
}

function optional(value: bigint | undefined): UInt64Value | undefined {
  return value === undefined ? undefined : uint64(value);
}

function cpuUsage(cpu: CgroupCpu, timestamp: bigint, nanoCores: bigint | undefined): CpuUsage {
  return {
    timestamp,
    usageCoreNanoSeconds: uint64(cpu.usageNs),
    usageNanoCores: optional(nanoCores),
    psi: psiStats(cpu.psi),
  };
}

function memoryUsage(memory: CgroupMemory, timestamp: bigint): MemoryUsage {
  const working = workingSet(memory);
  return {
    timestamp,
    workingSetBytes: uint64(working),
    availableBytes: uint64(leftOf(memory.limit, working)),
    usageBytes: uint64(memory.usage),
    rssBytes: optional(memory.rss),
    pageFaults: optional(memory.pageFaults),
    majorPageFaults: optional(memory.majorPageFaults),
    psi: psiStats(memory.psi),
  };
}

function swapUsage(memory: CgroupMemory | undefined, timestamp: bigint): { swap?: SwapUsage } {
  if (memory?.swapUsage === undefined) return {};
  const available = uint64(leftOf(memory.swapLimit, memory.swapUsage));
  return { swap: { timestamp, swapAvailableBytes: available, swapUsageBytes: uint64(memory.swapUsage) } };
}

/** CRI knows nothing of IO but its pressure, so without that there is no IoUsage. */
function ioUsage(io: CgroupIo | undefined, timestamp: bigint): { io?: IoUsage } {
  const psi = psiStats(io?.psi);
  return psi ? { io: { timestamp, psi } } : {};
}

/** 0 without a limit: kubelet takes 0 for "not limited". */
function leftOf(limit: bigint | undefined, used: bigint): bigint {
  if (limit === undefined || limit >= UNLIMITED || limit < used) return 0n;
  return limit - used;
}

function psiStats(psi: CgroupPressure | undefined): PsiStats | undefined {
  if (!psi?.some && !psi?.full) return undefined;
  return { Full: psiData(psi.full), Some: psiData(psi.some) };
}

function psiData(line: CgroupPressureLine | undefined): PsiData | undefined {
  if (!line) return undefined;
  return { Total: line.totalNs, Avg10: line.avg10, Avg60: line.avg60, Avg300: line.avg300 };
}
