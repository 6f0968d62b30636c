import type {
  CgroupCpu,
  CgroupHugetlb,
  CgroupIo,
  CgroupIoDevice,
  CgroupMemory,
  CgroupPids,
  CgroupValues,
} from '../../model/cgroup-values';
import { type CgroupDir, known, parseNumber } from './cgroup-text';

/** Finds the directory of a cgroup in the tree of one controller; undefined when that controller is not mounted. */
export type ControllerDir = (controller: string) => CgroupDir | undefined;

/** User and system time are counted in ticks of 1/100 s, whatever the kernel's own clock. */
const NS_PER_TICK = 10_000_000n;

/** Everything that the files of one v1 cgroup say, each controller in a tree of its own. */
export function readCgroupV1(dirOf: ControllerDir): CgroupValues {
  const [cpu, memory, pids, io, hugetlb] = [
    readCpu(dirOf('cpuacct'), dirOf('cpu')),
    readMemory(dirOf('memory')),
    readPids(dirOf('pids')),
    readIo(dirOf('blkio')),
    readHugetlb(dirOf('hugetlb')),
  ];
  return known({ cpu, memory, pids, io, hugetlb });
}

function readCpu(cpuacct: CgroupDir | undefined, cpu: CgroupDir | undefined): CgroupCpu | undefined {
  const usageNs = cpuacct?.number('cpuacct.usage');
  if (usageNs === undefined) return undefined;
  const ticks = cpuacct?.table('cpuacct.stat');
  const throttling = cpu?.table('cpu.stat');
  const ns = (key: string): bigint | undefined => {
    const value = ticks?.get(key);
    return value === undefined ? undefined : value * NS_PER_TICK;
  };
  return known({
    usageNs,
    userNs: ns('user'),
    systemNs: ns('system'),
    periods: throttling?.get('nr_periods'),
    throttledPeriods: throttling?.get('nr_throttled'),
    throttledNs: throttling?.get('throttled_time'),
  });
}

function readMemory(dir: CgroupDir | undefined): CgroupMemory | undefined {
  const usage = dir?.number('memory.usage_in_bytes');
  if (dir === undefined || usage === undefined) return undefined;
  const [stat, oom, limit, maxUsage, failcnt, kernel, bothUsage, bothLimit] = [
    dir.table('memory.stat'),
    dir.table('memory.oom_control'),
    dir.number('memory.limit_in_bytes'),
    dir.number('memory.max_usage_in_bytes'),
    dir.number('memory.failcnt'),
    dir.number('memory.kmem.usage_in_bytes'),
    dir.number('memory.memsw.usage_in_bytes'),
    dir.number('memory.memsw.limit_in_bytes'),
  ];
  return known({
    usage,
    limit,
    maxUsage,
    failcnt,
    inactiveFile: stat.get('total_inactive_file'),
    activeFile: stat.get('total_active_file'),
    rss: stat.get('total_rss'),
    cache: stat.get('total_cache'),
    mappedFile: stat.get('total_mapped_file'),
    kernel,
    pageFaults: stat.get('total_pgfault'),
    majorPageFaults: stat.get('total_pgmajfault'),
    swapUsage: swapAlone(bothUsage, usage),
    swapLimit: swapLimit(bothLimit, limit),
    oomKills: oom.get('oom_kill'),
  });
}

/** The memsw files count memory and swap together, and are read a moment later than the memory alone. */
function swapAlone(both: bigint | undefined, memory: bigint): bigint | undefined {
  if (both === undefined) return undefined;
  return both > memory ? both - memory : 0n;
}

/** From here on a limit is none: the kernel writes the largest number of whole pages. */
const NO_LIMIT = 1n << 62n;

function swapLimit(both: bigint | undefined, memory: bigint | undefined): bigint | undefined {
  if (both === undefined || both >= NO_LIMIT || memory === undefined) return undefined;
  return swapAlone(both, memory);
}

function readPids(dir: CgroupDir | undefined): CgroupPids | undefined {
  const current = dir?.number('pids.current');
  return current === undefined ? undefined : known({ current, limit: dir?.number('pids.max') });
}

/** The throttle files count whatever the scheduler is; the recursive ones include the children. */
function readIo(dir: CgroupDir | undefined): CgroupIo | undefined {
  if (dir === undefined) return undefined;
  const read = (name: string): string | undefined =>
    dir.text(`blkio.throttle.${name}_recursive`) ?? dir.text(`blkio.throttle.${name}`);
  const [bytes, operations] = [read('io_service_bytes'), read('io_serviced')];
  return bytes === undefined ? undefined : { devices: parseThrottle(bytes, operations ?? '') };
}

/** Lines such as `8:0 Read 4096`; the last line is a total without a device. */
export function parseThrottle(bytes: string, operations: string): CgroupIoDevice[] {
  const sizes = throttleTable(bytes);
  const counts = throttleTable(operations);
  const numbers = [...new Set([...sizes.keys()].map((key) => key.split(' ')[0] ?? ''))];
  return numbers.map((number) => {
    const [major = 0n, minor = 0n] = number.split(':').map(BigInt);
    const size = (way: string): bigint => sizes.get(`${number} ${way}`) ?? 0n;
    const count = (way: string): bigint => counts.get(`${number} ${way}`) ?? 0n;
    const values = { readBytes: size('Read'), writeBytes: size('Write'), reads: count('Read'), writes: count('Write') };
    return { major, minor, ...values };
  });
}

function throttleTable(text: string): ReadonlyMap<string, bigint> {
  const table = new Map<string, bigint>();
  for (const line of text.split('\n')) {
    const [, number, way, value = ''] = /^(\d{1,10}:\d{1,10}) (\w+) (\d+)$/.exec(line.trim()) ?? [];
    const parsed = parseNumber(value);
    if (number !== undefined && parsed !== undefined) table.set(`${number} ${way}`, parsed);
  }
  return table;
}

function readHugetlb(dir: CgroupDir | undefined): CgroupHugetlb[] | undefined {
  const names = dir?.names() ?? [];
  const sizes = names.flatMap((name) => /^hugetlb\.(\w+)\.usage_in_bytes$/.exec(name)?.[1] ?? []).sort();
  if (dir === undefined || sizes.length === 0) return undefined;
  return sizes.map((pageSize) => {
    const usage = dir.number(`hugetlb.${pageSize}.usage_in_bytes`) ?? 0n;
    const maxUsage = dir.number(`hugetlb.${pageSize}.max_usage_in_bytes`);
    return known({ pageSize, usage, maxUsage, failcnt: dir.number(`hugetlb.${pageSize}.failcnt`) });
  });
}
