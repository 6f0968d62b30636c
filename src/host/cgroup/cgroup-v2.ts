import type {
  CgroupCpu,
  CgroupHugetlb,
  CgroupIo,
  CgroupIoDevice,
  CgroupMemory,
  CgroupPids,
  CgroupValues,
} from '../../model/cgroup-values';
import { type CgroupDir, known, parseNumber, parsePressure } from './cgroup-text';

/** Everything that the files of one v2 cgroup say. */
export function readCgroupV2(dir: CgroupDir): CgroupValues {
  const [cpu, memory, pids, io, hugetlb] = [
    readCpu(dir),
    readMemory(dir),
    readPids(dir),
    readIo(dir),
    readHugetlb(dir),
  ];
  return known({ cpu, memory, pids, io, hugetlb });
}

function readCpu(dir: CgroupDir): CgroupCpu | undefined {
  const stat = dir.table('cpu.stat');
  const ns = (key: string): bigint | undefined => {
    const us = stat.get(key);
    return us === undefined ? undefined : us * 1000n;
  };
  const usageNs = ns('usage_usec');
  if (usageNs === undefined) return undefined;
  return known({
    usageNs,
    userNs: ns('user_usec'),
    systemNs: ns('system_usec'),
    periods: stat.get('nr_periods'),
    throttledPeriods: stat.get('nr_throttled'),
    throttledNs: ns('throttled_usec'),
    psi: parsePressure(dir.text('cpu.pressure')),
  });
}

function readMemory(dir: CgroupDir): CgroupMemory | undefined {
  const usage = dir.number('memory.current');
  if (usage === undefined) return undefined;
  const [stat, events, limit, maxUsage, swapUsage, swapLimit, pressure] = [
    dir.table('memory.stat'),
    dir.table('memory.events'),
    dir.number('memory.max'),
    dir.number('memory.peak'),
    dir.number('memory.swap.current'),
    dir.number('memory.swap.max'),
    dir.text('memory.pressure'),
  ];
  const stacks = stat.get('kernel_stack');
  return known({
    usage,
    limit,
    maxUsage,
    failcnt: events.get('max'),
    inactiveFile: stat.get('inactive_file'),
    activeFile: stat.get('active_file'),
    rss: stat.get('anon'),
    cache: stat.get('file'),
    mappedFile: stat.get('file_mapped'),
    // One sum since 5.18; before, its largest parts.
    kernel: stat.get('kernel') ?? (stacks === undefined ? undefined : stacks + (stat.get('slab') ?? 0n)),
    pageFaults: stat.get('pgfault'),
    majorPageFaults: stat.get('pgmajfault'),
    swapUsage,
    swapLimit,
    oomKills: events.get('oom_kill'),
    psi: parsePressure(pressure),
  });
}

function readPids(dir: CgroupDir): CgroupPids | undefined {
  const current = dir.number('pids.current');
  return current === undefined ? undefined : known({ current, limit: dir.number('pids.max') });
}

function readIo(dir: CgroupDir): CgroupIo | undefined {
  const stat = dir.text('io.stat');
  if (stat === undefined) return undefined;
  return known({ devices: parseIoStat(stat), psi: parsePressure(dir.text('io.pressure')) });
}

/** Lines such as `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`; a device without counters has only its number. */
export function parseIoStat(text: string): CgroupIoDevice[] {
  return text.split('\n').flatMap((line) => {
    const [number = '', ...fields] = line.trim().split(' ');
    const [major, minor] = number.split(':').map(parseNumber);
    if (major === undefined || minor === undefined || fields.length === 0) return [];
    const values = new Map(fields.map((field) => field.split('=') as [string, string]));
    const value = (key: string): bigint => parseNumber(values.get(key) ?? '') ?? 0n;
    const bytes = { readBytes: value('rbytes'), writeBytes: value('wbytes') };
    return { major, minor, ...bytes, reads: value('rios'), writes: value('wios') };
  });
}

function readHugetlb(dir: CgroupDir): CgroupHugetlb[] | undefined {
  const sizes = dir
    .names()
    .flatMap((name) => /^hugetlb\.(\w+)\.current$/.exec(name)?.[1] ?? [])
    .sort();
  if (sizes.length === 0) return undefined;
  return sizes.map((pageSize) => {
    const usage = dir.number(`hugetlb.${pageSize}.current`) ?? 0n;
    const events = dir.table(`hugetlb.${pageSize}.events`);
    return known({ pageSize, usage, failcnt: events.get('max') });
  });
}
