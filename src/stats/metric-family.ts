import { MetricType } from '../../generated/cri/v1/api';
import type { CgroupPressure, CgroupValues } from '../model/cgroup-values';
import type { NetDev } from '../model/net-dev';

/**
 * Labels of every metric, in this order. cAdvisor's, because kubelet's /metrics/cadvisor passes on what we say, and
 * dashboards select by them; metrics of the pod as a whole have an empty `container`, `image` and `name`.
 */
export const BASE_LABELS = ['container', 'id', 'image', 'name', 'namespace', 'pod'] as const;

export type BaseLabels = Record<(typeof BASE_LABELS)[number], string>;

/** The filesystem below a container's writable layer. Bytes. */
export interface FilesystemValues {
  /** For example `/dev/sda1`. */
  readonly device: string;
  /** Used by the container. */
  readonly usage: bigint;
  /** Size of the whole filesystem; inodes are of the whole as well. */
  readonly size: bigint;
  readonly inodes: bigint;
  readonly inodesFree: bigint;
}

/** What /proc says of the processes in a container. */
export interface ProcessValues {
  readonly processes: bigint;
  readonly threads: bigint;
  readonly fileDescriptors: bigint;
  readonly sockets: bigint;
  /** Soft limits of its first process, by cAdvisor's names (`max_open_files`); those without a limit are left out. */
  readonly ulimits?: readonly { readonly name: string; readonly soft: bigint }[];
}

/** What the container was given; 0: nothing said. Negative (unlimited) counts as 0. */
export interface LimitValues {
  readonly cpuPeriod: bigint;
  readonly cpuQuota: bigint;
  readonly cpuShares: bigint;
  readonly memoryLimit: bigint;
  readonly memoryReservation: bigint;
  /** Memory and swap together, as CRI has it. */
  readonly memorySwapLimit: bigint;
}

/**
 * All that metrics are made from. What is absent gives no metrics. Times are nanoseconds since 1970 and tell when a part was
 * measured, for what cannot be measured now is told as it was last.
 */
export interface MetricSource {
  /** When `values` were read; also the time of a part that has none of its own. */
  readonly timestamp: bigint;
  readonly startedAt?: bigint;
  readonly values?: CgroupValues;
  readonly network?: readonly NetDev[];
  readonly networkAt?: bigint;
  readonly filesystem?: FilesystemValues;
  readonly filesystemAt?: bigint;
  /** When `filesystem.usage` was measured. */
  readonly layerAt?: bigint;
  readonly processes?: ProcessValues;
  readonly processesAt?: bigint;
  readonly limits?: LimitValues;
}

/** One value of a family, with the values of its own labels. */
export interface MetricSample {
  readonly labels: readonly string[];
  readonly value: bigint;
}

/** Everything under one metric name: its descriptor, and how its samples come from a source. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Labels behind the base ones. */
  readonly labels: readonly string[];
  samples(source: MetricSource): readonly MetricSample[];
  /** When the samples were measured; absent, or without an answer: at the source's own time. */
  measuredAt?(source: MetricSource): bigint | undefined;
}

type Single = (source: MetricSource) => bigint | undefined;

/** A counter with no labels of its own; no sample while its value is not known. */
export function counter(name: string, help: string, value: Single): MetricFamily {
  return { name, help, type: MetricType.COUNTER, labels: [], samples: single(value) };
}

/** A gauge with no labels of its own; no sample while its value is not known. */
export function gauge(name: string, help: string, value: Single): MetricFamily {
  return { name, help, type: MetricType.GAUGE, labels: [], samples: single(value) };
}

/** The same metrics, of a part of the source that is measured by itself. */
export function measuredAt(
  at: (source: MetricSource) => bigint | undefined,
  families: readonly MetricFamily[],
): MetricFamily[] {
  return families.map((family) => ({ ...family, measuredAt: at }));
}

/** Whole seconds: CRI's values are integers, so that is as fine as seconds get. */
export function seconds(nanoseconds: bigint | undefined): bigint | undefined {
  return nanoseconds === undefined ? undefined : nanoseconds / 1_000_000_000n;
}

/** The two pressure counters of one resource; no samples where the kernel does not account pressure. */
export function pressureFamilies(
  resource: 'cpu' | 'memory' | 'io',
  of: (source: MetricSource) => CgroupPressure | undefined,
): MetricFamily[] {
  const name = `container_pressure_${resource}`;
  return [
    counter(
      `${name}_stalled_seconds_total`,
      `Seconds in which every task was held up by lack of ${resource}.`,
      (source) => seconds(of(source)?.full?.totalNs),
    ),
    counter(
      `${name}_waiting_seconds_total`,
      `Seconds in which some task was held up by lack of ${resource}.`,
      (source) => seconds(of(source)?.some?.totalNs),
    ),
  ];
}

function single(value: Single): MetricFamily['samples'] {
  return (source) => {
    const known = value(source);
    return known === undefined ? [] : [{ labels: [], value: known }];
  };
}
