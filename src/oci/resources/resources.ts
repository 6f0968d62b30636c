import type { LinuxContainerResources } from '../../../generated/cri/v1/api';
import type { HostFacts } from '../../model/host-facts';
import type { Spec, SpecResources } from '../../model/spec';
import { OciError } from '../oci-error';
import type { OciSettings } from '../settings';
import { checkCpuList } from './cpu-list';

const FIELD = 'config.linux.resources';

/** What a request's resources are checked against. */
interface Against {
  readonly facts: ResourceFacts;
  readonly settings: ResourceSettings;
  /** Path of the resources in the request, for errors. */
  readonly field: string;
}

export type ResourceFacts = Pick<HostFacts, 'cgroup2' | 'controllers' | 'swapController' | 'hugePageSizes'>;
export type ResourceSettings = Pick<OciSettings, 'tolerate_missing_hugetlb_controller' | 'disable_hugetlb_controller'>;

/** 0 and the empty string say "leave it": they are dropped, so that what was there before stays. */
function given<T extends object>(values: T): Partial<T> | undefined {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== 0n && value !== '');
  return set.length > 0 ? (Object.fromEntries(set) as Partial<T>) : undefined;
}

function notNegative(value: bigint, field: string): bigint {
  if (value < 0n) throw new OciError(field, `${value} is negative`);
  return value;
}

/** The kernel's limits for the period and the quota of CPU time, in microseconds. */
const CPU_PERIOD = { min: 1_000n, max: 1_000_000n };
const MIN_CPU_QUOTA = 1_000n;
/** The kernel's limits for cpu.shares of cgroup v1: it takes others for the nearest of these, which runc calls an error. */
const CPU_SHARES_V1 = { min: 2n, max: 262_144n };

function within(value: bigint, { min, max }: { min: bigint; max: bigint }, field: string): bigint {
  notNegative(value, field);
  if (value !== 0n && (value < min || value > max)) {
    throw new OciError(field, `${value} is not between ${min} and ${max}`);
  }
  return value;
}

/** A negative quota is none. */
function quotaOf(quota: bigint, field: string): bigint {
  if (quota <= 0n || quota >= MIN_CPU_QUOTA) return quota;
  throw new OciError(field, `${quota} is below the least quota, ${MIN_CPU_QUOTA}`);
}

function cpuListOf(list: string, field: string): string {
  checkCpuList(list, field);
  return list;
}

function cpuOf(resources: LinuxContainerResources, { facts, field }: Against): SpecResources['cpu'] {
  const { cpuShares: shares } = resources;
  const sharesField = `${field}.cpu_shares`;
  return given({
    shares: facts.cgroup2 ? notNegative(shares, sharesField) : within(shares, CPU_SHARES_V1, sharesField),
    quota: quotaOf(resources.cpuQuota, `${field}.cpu_quota`),
    period: within(resources.cpuPeriod, CPU_PERIOD, `${field}.cpu_period`),
    cpus: cpuListOf(resources.cpusetCpus, `${field}.cpuset_cpus`),
    mems: cpuListOf(resources.cpusetMems, `${field}.cpuset_mems`),
  });
}

function bytesOf(limit: bigint, field: string): bigint {
  if (limit >= -1n) return limit;
  throw new OciError(field, `${limit} is neither a number of bytes nor -1, which is no limit`);
}

/** A memory limit without a swap limit allows no swap: the kernel would otherwise give as much again. */
function memoryOf(resources: LinuxContainerResources, { facts, field }: Against): SpecResources['memory'] {
  const limit = bytesOf(resources.memoryLimitInBytes, `${field}.memory_limit_in_bytes`);
  const swap = bytesOf(resources.memorySwapLimitInBytes, `${field}.memory_swap_limit_in_bytes`);
  return given({ limit, swap: facts.swapController ? swap || limit : 0n });
}

/** The swap limit is of memory and swap together: the kernel refuses one below the memory limit, or without any. */
function checkSwap(memory: SpecResources['memory'], { field }: Against): void {
  const [limit, swap] = [BigInt(memory?.limit ?? 0), BigInt(memory?.swap ?? 0)];
  if (swap <= 0n || (limit > 0n && swap >= limit)) return;
  const problem = limit > 0n ? `is below the memory limit, ${limit}` : 'needs a memory limit';
  throw new OciError(`${field}.memory_swap_limit_in_bytes`, `${swap} ${problem}`);
}

function hugepagesOf(resources: LinuxContainerResources, { facts, settings, field }: Against) {
  const limits = resources.hugepageLimits;
  if (limits.length === 0 || settings.disable_hugetlb_controller) return undefined;
  if (!facts.controllers.has('hugetlb')) {
    if (settings.tolerate_missing_hugetlb_controller) return undefined;
    throw new OciError(`${field}.hugepage_limits`, 'this node has no hugetlb controller', {
      code: 'FAILED_PRECONDITION',
    });
  }
  return limits.map(({ pageSize, limit }, i) => {
    const at = `${field}.hugepage_limits[${i}].page_size`;
    if (!/^[0-9]{1,9}[KMG]B$/.test(pageSize)) throw new OciError(at, `${JSON.stringify(pageSize)} is not a page size`);
    const { hugePageSizes: known } = facts;
    if (known.length === 0 || known.includes(pageSize)) return { pageSize, limit };
    throw new OciError(at, `this node has no huge pages of ${pageSize}, only of ${known.join(', ')}`);
  });
}

/** Keys are names of files in the container's cgroup; any other would be written elsewhere. */
function unifiedOf(resources: LinuxContainerResources, { facts, field }: Against): Record<string, string> | undefined {
  const entries = Object.entries(resources.unified);
  if (entries.length === 0) return undefined;
  if (!facts.cgroup2) {
    throw new OciError(`${field}.unified`, 'needs cgroup v2', { code: 'FAILED_PRECONDITION' });
  }
  for (const [key] of entries) {
    if (!/^[a-z0-9_]+(\.[A-Za-z0-9_]+)+$/.test(key)) {
      throw new OciError(`${field}.unified`, `${JSON.stringify(key)} is not a cgroup file`);
    }
  }
  return Object.fromEntries(entries);
}

function layered(before: SpecResources, resources: LinuxContainerResources, against: Against): SpecResources {
  const cpu = cpuOf(resources, against);
  const changed = memoryOf(resources, against);
  const memory = changed && { ...before.memory, ...changed };
  if (memory) checkSwap(memory, against);
  const unified = unifiedOf(resources, against);
  const hugepages = hugepagesOf(resources, against);
  return {
    ...before,
    ...(cpu && { cpu: { ...before.cpu, ...cpu } }),
    ...(memory && { memory }),
    ...(hugepages && { hugepageLimits: mergedHugepages(before.hugepageLimits, hugepages) }),
    ...(unified && {
      unified: Object.fromEntries([...Object.entries(before.unified ?? {}), ...Object.entries(unified)]),
    }),
  };
}

/** Lays a request's resources over those of a spec; a value of 0, an empty text or an absent map leaves what is there. */
export function withResources(
  before: SpecResources,
  resources: LinuxContainerResources | undefined,
  facts: ResourceFacts,
  settings: ResourceSettings,
): SpecResources {
  return resources ? layered(before, resources, { facts, settings, field: FIELD }) : before;
}

/** A spec with changed resources, as UpdateContainerResources asks (its field is `linux`); the given one stays as it is. */
export function updateResources(
  spec: Spec,
  resources: LinuxContainerResources,
  facts: ResourceFacts,
  settings: ResourceSettings,
): Spec {
  const changed = layered(spec.linux?.resources ?? {}, resources, { facts, settings, field: 'linux' });
  return { ...spec, linux: { ...spec.linux, resources: changed } };
}

/**
 * The oom_score_adj to set: raised to the daemon's own when the configuration says so, or when the daemon may not go
 * below it (the kernel would refuse, and the container with it).
 */
export function oomScoreAdj(
  asked: number | bigint,
  facts: Pick<HostFacts, 'canLowerOomScore' | 'minOomScoreAdj'>,
  settings: Pick<OciSettings, 'restrict_oom_score_adj'>,
): number {
  const score = Number(asked);
  if (!(score >= -1000 && score <= 1000)) {
    throw new OciError(`${FIELD}.oom_score_adj`, `${asked} is not between -1000 and 1000`);
  }
  const clamped = settings.restrict_oom_score_adj || !facts.canLowerOomScore;
  return clamped ? Math.max(score, facts.minOomScoreAdj) : score;
}

/** The resources that a spec sets, as ContainerStatus reports them. */
export function resourcesOf(spec: Spec): LinuxContainerResources {
  const { cpu, memory, hugepageLimits, unified } = spec.linux?.resources ?? {};
  return {
    cpuPeriod: BigInt(cpu?.period ?? 0),
    cpuQuota: BigInt(cpu?.quota ?? 0),
    cpuShares: BigInt(cpu?.shares ?? 0),
    memoryLimitInBytes: BigInt(memory?.limit ?? 0),
    memorySwapLimitInBytes: BigInt(memory?.swap ?? 0),
    oomScoreAdj: BigInt(spec.process?.oomScoreAdj ?? 0),
    cpusetCpus: cpu?.cpus ?? '',
    cpusetMems: cpu?.mems ?? '',
    hugepageLimits: (hugepageLimits ?? []).map(({ pageSize, limit }) => ({ pageSize, limit: BigInt(limit) })),
    unified: Object.fromEntries(Object.entries(unified ?? {})),
  };
}

/** Limits of huge pages after a change: a page size that the change does not name keeps its limit. */
export function mergedHugepages<T extends { readonly pageSize: string }>(
  before: readonly T[] | undefined,
  change: readonly T[] | undefined,
): T[] {
  const changed = new Set(change?.map(({ pageSize }) => pageSize));
  return [...(before ?? []).filter(({ pageSize }) => !changed.has(pageSize)), ...(change ?? [])];
}
