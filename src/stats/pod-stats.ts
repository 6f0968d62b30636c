import type { ContainerStats, PodSandboxAttributes, PodSandboxStats, ProcessUsage } from '../../generated/cri/v1/api';
import type { CgroupValues } from '../model/cgroup-values';
import type { NetDev } from '../model/net-dev';
import { networkUsage } from './network-usage';
import { uint64, usageOf } from './usage';

export interface PodStatsInput {
  attributes: PodSandboxAttributes;
  /** Of the pod's own cgroup, the parent of its containers' (`linux.cgroup_parent`); absent when it has none. */
  values?: CgroupValues;
  /** When the values were read, nanoseconds since 1970. */
  timestamp: bigint;
  nanoCores?: bigint;
  /** Interfaces of the pod's network namespace; absent for a pod on the host's network. */
  network?: readonly NetDev[];
  /** When the network's counters were read; absent: with the values. */
  networkAt?: bigint;
  /** Processes in the pod; absent: what the pids controller counts, which is threads. */
  processCount?: bigint;
  containers: ContainerStats[];
}

/** PodSandboxStats as CRI gives them; what is not known is unset. */
export function podSandboxStats(input: PodStatsInput): PodSandboxStats {
  const { values = {}, timestamp } = input;
  const { cpu, memory, io } = usageOf(values, timestamp, input.nanoCores);
  return {
    attributes: input.attributes,
    linux: {
      cpu,
      memory,
      network: input.network && networkUsage(input.network, input.networkAt ?? timestamp),
      process: processUsage(input.processCount ?? values.pids?.current, timestamp),
      containers: input.containers,
      io,
    },
  };
}

function processUsage(count: bigint | undefined, timestamp: bigint): ProcessUsage | undefined {
  return count === undefined ? undefined : { timestamp, processCount: uint64(count) };
}
