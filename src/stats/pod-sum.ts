import type { CgroupCpu, CgroupMemory, CgroupValues } from '../model/cgroup-values';

/** Fields of `T` that are numbers. */
type NumberOf<T> = { [K in keyof T]-?: NonNullable<T[K]> extends bigint ? K : never }[keyof T];
type Numbers<T> = { [K in NumberOf<T>]?: bigint };

const CPU_COUNTERS = [
  'usageNs',
  'userNs',
  'systemNs',
  'periods',
  'throttledPeriods',
  'throttledNs',
] as const satisfies readonly NumberOf<CgroupCpu>[];
const MEMORY_COUNTERS = [
  'failcnt',
  'pageFaults',
  'majorPageFaults',
  'oomKills',
] as const satisfies readonly NumberOf<CgroupMemory>[];
const MEMORY_NOW = [
  'usage',
  'inactiveFile',
  'activeFile',
  'rss',
  'cache',
  'mappedFile',
  'kernel',
  'swapUsage',
] as const satisfies readonly NumberOf<CgroupMemory>[];

/** Of so many parts that have gone it is known which they were; a container that crashes for a year leaves no more in memory. */
const GONE_BY_ID = 32;

interface Known {
  /** What parts had used that went long ago, in one. */
  readonly long: CgroupValues | undefined;
  /** What parts had used that have gone. Each by its id: of two sums made at the same moment the later may list it once more. */
  readonly gone: ReadonlyMap<string, CgroupValues>;
  readonly parts: ReadonlyMap<string, CgroupValues>;
}

/**
 * What pods use that have no cgroup of their own (kubelet's always have one, those of crictl mostly not): the sum of their
 * parts. What a part that has gone had counted stays counted, for a counter that goes back is no counter.
 */
export class PodSums {
  private readonly pods = new Map<string, Known>();

  /**
   * The sum over all parts of a pod that run now, by their ids. One whose values are not known counts as it did last; a
   * value that is known of no part is absent.
   */
  sum(id: string, running: ReadonlyMap<string, CgroupValues | undefined>): CgroupValues {
    const known = this.pods.get(id);
    const before = new Map([...(known?.gone ?? []), ...(known?.parts ?? [])]);
    const parts = new Map<string, CgroupValues>();
    for (const [part, values = before.get(part)] of running) if (values) parts.set(part, values);
    const ended = [...before].filter(([part]) => !running.has(part));
    const forgotten = ended.splice(0, Math.max(0, ended.length - GONE_BY_ID)).map(([, values]) => values);
    const long = forgotten.length > 0 ? countersOf([known?.long ?? {}, ...forgotten]) : known?.long;
    const gone = new Map(ended);
    this.pods.set(id, { long, gone, parts });
    return total([...(long ? [long] : []), ...gone.values()], [...parts.values()]);
  }

  /** Of how many parts something is known. */
  kept(id: string): number {
    const known = this.pods.get(id);
    return known ? known.gone.size + known.parts.size : 0;
  }

  forget(id: string): void {
    this.pods.delete(id);
  }
}

function total(gone: readonly CgroupValues[], parts: readonly CgroupValues[]): CgroupValues {
  const { cpu, memory: counters } = addedUp([...gone, ...parts]);
  let memory = counters;
  let current: bigint | undefined;
  for (const part of parts) {
    memory = added(MEMORY_NOW, memory, part.memory);
    if (part.pids) current = (current ?? 0n) + part.pids.current;
  }
  return {
    ...(cpu.usageNs !== undefined && { cpu: { ...cpu, usageNs: cpu.usageNs } }),
    ...(memory.usage !== undefined && { memory: { ...memory, usage: memory.usage } }),
    ...(current !== undefined && { pids: { current } }),
  };
}

/** What stays counted of parts that have gone; they use no memory. */
function countersOf(gone: readonly CgroupValues[]): CgroupValues {
  const { cpu, memory } = addedUp(gone);
  return { cpu: { usageNs: 0n, ...cpu }, memory: { ...memory, usage: 0n } };
}

function addedUp(all: readonly CgroupValues[]): { cpu: Numbers<CgroupCpu>; memory: Numbers<CgroupMemory> } {
  let cpu: Numbers<CgroupCpu> = {};
  let memory: Numbers<CgroupMemory> = {};
  for (const part of all) {
    cpu = added(CPU_COUNTERS, cpu, part.cpu);
    memory = added(MEMORY_COUNTERS, memory, part.memory);
  }
  return { cpu, memory };
}

/** The sums of these fields; one that neither side knows stays unknown. */
function added<T>(keys: readonly NumberOf<T>[], sum: Numbers<T>, more: T | undefined): Numbers<T> {
  const result = { ...sum };
  for (const key of keys) {
    const value = more?.[key];
    if (typeof value === 'bigint') result[key] = (result[key] ?? 0n) + value;
  }
  return result;
}
