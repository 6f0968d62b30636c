import type {
  CgroupCpu,
  CgroupHugetlb,
  CgroupIo,
  CgroupIoDevice,
  CgroupMemory,
  CgroupPids,
  CgroupValues,
} from '../model/cgroup-values';
import { type CgroupDir, known, parseNumber } from './cgroup-text';

/** Finds the directory of a cgroup in the tree of one controller; undefined when that controller is not mounted. */
export type ControllerDir = (controller: string) => CgroupDir | undefined;

/** User and system time are counted in ticks of 1/100 s, whatever the kernel's own clock. */
const NS_PER_TICK = 10_000_000n;

/** Everything that the files of one v1 cgroup say, each controller in a tree of its own. */
export async function readCgroupV1(dirOf: ControllerDir): Promise<CgroupValues> {
  const [cpu, memory, pids, io, hugetlb] = await Promise.all([
    readCpu(dirOf('cpuacct'), dirOf('cpu')),
    readMemory(dirOf('memory')),
    readPids(dirOf('pids')),
    readIo(dirOf('blkio')),
    readHugetlb(dirOf('hugetlb')),
  ]);
  return known({ cpu, memory, pids, io, hugetlb });
}

async function readCpu(cpuacct: CgroupDir | undefined, cpu: CgroupDir | undefined): Promise<CgroupCpu | undefined> {
  const usageNs = await cpuacct?.number('cpuacct.usage');
  if (usageNs === undefined) return undefined;
  const ticks = await cpuacct?.table('cpuacct.stat');
  const throttling = await cpu?.table('cpu.stat');
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

async function readMemory(dir: CgroupDir | undefined): Promise<CgroupMemory | undefined> {
  const usage = await dir?.number('memory.usage_in_bytes');
  if (dir === undefined || usage === undefined) return undefined;
  const [stat, oom, limit, maxUsage, failcnt, kernel, bothUsage, bothLimit] = await Promise.all([
    dir.table('memory.stat'),
    dir.table('memory.oom_control'),
    dir.number('memory.limit_in_bytes'),
    dir.number('memory.max_usage_in_bytes'),
    dir.number('memory.failcnt'),
    dir.number('memory.kmem.usage_in_bytes'),
    dir.number('memory.memsw.usage_in_bytes'),
    dir.number('memory.memsw.limit_in_bytes'),
  ]);
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

async function readPids(dir: CgroupDir | undefined): Promise<CgroupPids | undefined> {
  const current = await dir?.number('pids.current');
  return current === undefined ? undefined : known({ current, limit: await dir?.number('pids.max') });
}

/** The throttle files count whatever the scheduler is; the recursive ones include the children. */
async function readIo(dir: CgroupDir | undefined): Promise<CgroupIo | undefined> {
  if (dir === undefined) return undefined;
  const read = async (name: string): Promise<string | undefined> =>
    (await dir.text(`blkio.throttle.${name}_recursive`)) ?? (await dir.text(`blkio.throttle.${name}`));
  const [bytes, operations] = await Promise.all([read('io_service_bytes'), read('io_serviced')]);
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
    const [, number, way, value = ''] = /^(\d+:\d+) (\w+) (\d+)$/.exec(line.trim()) ?? [];
    const parsed = parseNumber(value);
    if (number !== undefined && parsed !== undefined) table.set(`${number} ${way}`, parsed);
  }
  return table;
}

async function readHugetlb(dir: CgroupDir | undefined): Promise<CgroupHugetlb[] | undefined> {
  const names = (await dir?.names()) ?? [];
  const sizes = names.flatMap((name) => /^hugetlb\.(\w+)\.usage_in_bytes$/.exec(name)?.[1] ?? []).sort();
  if (dir === undefined || sizes.length === 0) return undefined;
  return Promise.all(
    sizes.map(async (pageSize) => {
      const usage = (await dir.number(`hugetlb.${pageSize}.usage_in_bytes`)) ?? 0n;
      const maxUsage = await dir.number(`hugetlb.${pageSize}.max_usage_in_bytes`);
      return known({ pageSize, usage, maxUsage, failcnt: await dir.number(`hugetlb.${pageSize}.failcnt`) });
    }),
  );
}
