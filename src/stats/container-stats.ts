import type { ContainerAttributes, ContainerStats, FilesystemUsage } from '../../generated/cri/v1/api';
import type { CgroupValues } from '../model/cgroup-values';
import { usageOf } from './usage';

export interface ContainerStatsInput {
  attributes: ContainerAttributes;
  /** From the task's metrics; absent when it does not run or its shim tells nothing. */
  values?: CgroupValues;
  /** When the values were read, nanoseconds since 1970. */
  timestamp: bigint;
  /** See CpuRates; absent until there are two samples. */
  nanoCores?: bigint;
  writableLayer: FilesystemUsage;
}

/** ContainerStats as CRI gives them. Of a container that does not run, only attributes and writable layer are known. */
export function containerStats(input: ContainerStatsInput): ContainerStats {
  const usage = input.values ? usageOf(input.values, input.timestamp, input.nanoCores) : {};
  return { attributes: input.attributes, ...usage, writableLayer: input.writableLayer };
}
