import { cgroupProcesses, readCgroup, readCgroupLayout } from '../../../../src/host/cgroup/cgroup-files';
import { type CgroupLayout, cgroupLayout, controllersOf } from '../../../../src/host/cgroup/cgroup-layout';
import { parseNumber, parsePressure, parseTable } from '../../../../src/host/cgroup/cgroup-text';
import { parseMountInfo } from '../../../../src/host/mount/mount-info';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const lines = (...entries: string[]): string => entries.map((line) => `${line}\n`).join('');
const V1 = parseMountInfo(
  lines(
    '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw',
    '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '36 31 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
    '37 31 0:34 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio',
    '38 31 0:35 / /sys/fs/cgroup/hugetlb rw - cgroup cgroup rw,hugetlb',
    '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
    '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ),
);
const V2: CgroupLayout = { version: 2, mount: '/sys/fs/cgroup' };

const valuesOf = async (name: string, layout: CgroupLayout) => (await readCgroup(name, layout, root.path))?.values;

describe('cgroupLayout', () => {
  it('takes a host with a cgroup2 at /sys/fs/cgroup for v2', async () => {
    const layout = cgroupLayout(parseMountInfo('31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n'));
    expect(layout).toEqual(V2);
    root.add({ 'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n' });
    expect([...(await controllersOf(layout, root.path))]).toEqual(['cpuset', 'cpu', 'io', 'memory', 'pids']);
  });

  it('takes one with controllers apart for v1, a cgroup2 beside them notwithstanding', async () => {
    const layout = cgroupLayout(V1);
    expect(layout.version).toBe(1);
    expect([...(await controllersOf(layout))]).toEqual(['cpu', 'cpuacct', 'memory', 'pids', 'blkio', 'hugetlb']);
  });

  it('has no controllers where nothing is mounted', async () => {
    expect([...(await controllersOf(cgroupLayout([])))]).toEqual([]);
    expect([...(await controllersOf(V2, root.path))]).toEqual([]);
  });

  it('finds out about this host', async () => {
    expect([1, 2]).toContain((await readCgroupLayout()).version);
  });
});

describe('readCgroup on v2', () => {
  const dir = 'sys/fs/cgroup/kubepods.slice/kubepods-podX.slice';

  it('reads everything that there is', async () => {
    const files: Record<string, string> = {
      'cpu.stat': lines(
        'usage_usec 5',
        'user_usec 3',
        'system_usec 2',
        'nr_periods 10',
        'nr_throttled 4',
        'throttled_usec 9',
      ),
      'cpu.pressure': lines(
        'some avg10=1.50 avg60=0.20 avg300=0.03 total=77',
        'full avg10=0.00 avg60=0.00 avg300=0.00 total=0',
      ),
      'memory.current': '1000\n',
      'memory.max': 'max\n',
      'memory.peak': '2000\n',
      'memory.swap.current': '30\n',
      'memory.swap.max': '40\n',
      'memory.events': lines('low 0', 'high 0', 'max 6', 'oom 1', 'oom_kill 2'),
      'memory.stat': lines(
        'anon 100',
        'file 200',
        'kernel_stack 16',
        'slab 32',
        'file_mapped 5',
        'inactive_file 7',
        'active_file 8',
        'pgfault 9',
        'pgmajfault 1',
      ),
      'pids.current': '3\n',
      'pids.max': '100\n',
      'io.stat': lines(
        '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0',
        '7:0',
        '253:1 rbytes=9 wbytes=0 rios=1 wios=0',
      ),
      'hugetlb.2MB.current': '4194304\n',
      'hugetlb.2MB.events': 'max 5\n',
      'hugetlb.2MB.rsvd.current': '0\n',
    };
    root.add(Object.fromEntries(Object.entries(files).map(([name, text]) => [`${dir}/${name}`, text])));
    expect(await valuesOf('kubepods-podX.slice', V2)).toEqual({
      cpu: {
        usageNs: 5000n,
        userNs: 3000n,
        systemNs: 2000n,
        periods: 10n,
        throttledPeriods: 4n,
        throttledNs: 9000n,
        psi: {
          some: { avg10: 1.5, avg60: 0.2, avg300: 0.03, totalNs: 77_000n },
          full: { avg10: 0, avg60: 0, avg300: 0, totalNs: 0n },
        },
      },
      memory: {
        usage: 1000n,
        maxUsage: 2000n,
        failcnt: 6n,
        inactiveFile: 7n,
        activeFile: 8n,
        rss: 100n,
        cache: 200n,
        mappedFile: 5n,
        kernel: 48n,
        pageFaults: 9n,
        majorPageFaults: 1n,
        swapUsage: 30n,
        swapLimit: 40n,
        oomKills: 2n,
      },
      pids: { current: 3n, limit: 100n },
      io: {
        devices: [
          { major: 8n, minor: 0n, readBytes: 1n, writeBytes: 2n, reads: 3n, writes: 4n },
          { major: 253n, minor: 1n, readBytes: 9n, writeBytes: 0n, reads: 1n, writes: 0n },
        ],
      },
      hugetlb: [{ pageSize: '2MB', usage: 4194304n, failcnt: 5n }],
    });
  });

  it('leaves out what is not there, and knows a cgroup that is gone', async () => {
    root.add({ [`${dir}/pids.current`]: '0\n', [`${dir}/pids.max`]: 'max\n' });
    expect(await valuesOf('kubepods-podX.slice', V2)).toEqual({ pids: { current: 0n } });
    expect(await valuesOf('kubepods-podY.slice', V2)).toBeUndefined();
  });
});

describe('readCgroup', () => {
  it('tells when it was read, so that two readings make a rate', async () => {
    root.add({ 'sys/fs/cgroup/pod1/cpu.stat': 'usage_usec 5\n' });
    const before = process.hrtime.bigint();
    const first = await readCgroup('/pod1', V2, root.path);
    const second = await readCgroup('/pod1', V2, root.path);
    const times = [before, first?.readAt ?? 0n, second?.readAt ?? 0n, process.hrtime.bigint()];
    expect(new Set(times).size).toBe(4);
    expect([...times].sort((a, b) => (a < b ? -1 : 1))).toEqual(times);
  });
});

describe('cgroupProcesses', () => {
  it('finds the processes of a cgroup and of those that a container has made below it, on v2', async () => {
    root.add({
      'sys/fs/cgroup/pod1/c1/cgroup.procs': '7\n8\n',
      'sys/fs/cgroup/pod1/c1/init.scope/cgroup.procs': '9\n',
      'sys/fs/cgroup/pod1/c1/system.slice/a/cgroup.procs': '10\n',
      'sys/fs/cgroup/pod1/c2/cgroup.procs': '11\n',
    });
    expect((await cgroupProcesses('/pod1/c1', V2, root.path)).sort((a, b) => a - b)).toEqual([7, 8, 9, 10]);
    expect(await cgroupProcesses('/pod1/c3', V2, root.path)).toEqual([]);
  });

  it('does not look into any number of cgroups', async () => {
    const many = Array.from({ length: 1100 }, (_, i) => [`sys/fs/cgroup/c1/${i}/cgroup.procs`, `${i + 1}\n`]);
    root.add(Object.fromEntries(many));
    expect(await cgroupProcesses('/c1', V2, root.path)).toHaveLength(999);
  });

  it('asks one tree of v1 that has the cgroup', async () => {
    const layout = cgroupLayout(V1);
    root.add({
      'sys/fs/cgroup/memory/pod1/cgroup.procs': '7\n',
      'sys/fs/cgroup/memory/pod1/child/cgroup.procs': '8\n',
      'sys/fs/cgroup/blkio/pod1/cgroup.procs': '7\n8\n',
    });
    expect(await cgroupProcesses('/pod1', layout, root.path)).toEqual([7, 8]);
    expect(await cgroupProcesses('/pod2', layout, root.path)).toEqual([]);
  });
});

describe('readCgroup on v1', () => {
  const layout = cgroupLayout(V1);
  const path = (controller: string, name: string): string => `sys/fs/cgroup/${controller}/kubepods/pod1/${name}`;

  it('reads everything that there is', async () => {
    root.add({
      [path('cpu,cpuacct', 'cpuacct.usage')]: '123456789\n',
      [path('cpu,cpuacct', 'cpuacct.stat')]: lines('user 7', 'system 5'),
      [path('cpu,cpuacct', 'cpu.stat')]: lines('nr_periods 1', 'nr_throttled 2', 'throttled_time 3'),
      [path('memory', 'memory.usage_in_bytes')]: '1000\n',
      [path('memory', 'memory.limit_in_bytes')]: '5000\n',
      [path('memory', 'memory.max_usage_in_bytes')]: '2000\n',
      [path('memory', 'memory.failcnt')]: '6\n',
      [path('memory', 'memory.kmem.usage_in_bytes')]: '48\n',
      [path('memory', 'memory.memsw.usage_in_bytes')]: '1030\n',
      [path('memory', 'memory.memsw.limit_in_bytes')]: '9000\n',
      [path('memory', 'memory.oom_control')]: lines('oom_kill_disable 0', 'under_oom 0', 'oom_kill 2'),
      [path('memory', 'memory.stat')]: lines(
        'cache 1',
        'total_cache 200',
        'total_rss 100',
        'total_mapped_file 5',
        'total_pgfault 9',
        'total_pgmajfault 1',
        'total_inactive_file 7',
        'total_active_file 8',
      ),
      [path('pids', 'pids.current')]: '3\n',
      [path('pids', 'pids.max')]: 'max\n',
      [path('blkio', 'blkio.throttle.io_service_bytes_recursive')]: lines(
        '8:0 Read 10',
        '8:0 Write 20',
        '8:0 Sync 30',
        '8:0 Total 30',
        'Total 30',
      ),
      [path('blkio', 'blkio.throttle.io_serviced_recursive')]: lines('8:0 Read 1', '8:0 Write 2', 'Total 3'),
      [path('hugetlb', 'hugetlb.1GB.usage_in_bytes')]: '0\n',
      [path('hugetlb', 'hugetlb.1GB.max_usage_in_bytes')]: '1\n',
      [path('hugetlb', 'hugetlb.1GB.failcnt')]: '2\n',
    });
    expect(await valuesOf('/kubepods/pod1', layout)).toEqual({
      cpu: {
        usageNs: 123456789n,
        userNs: 70_000_000n,
        systemNs: 50_000_000n,
        periods: 1n,
        throttledPeriods: 2n,
        throttledNs: 3n,
      },
      memory: {
        usage: 1000n,
        limit: 5000n,
        maxUsage: 2000n,
        failcnt: 6n,
        inactiveFile: 7n,
        activeFile: 8n,
        rss: 100n,
        cache: 200n,
        mappedFile: 5n,
        kernel: 48n,
        pageFaults: 9n,
        majorPageFaults: 1n,
        swapUsage: 30n,
        swapLimit: 4000n,
        oomKills: 2n,
      },
      pids: { current: 3n },
      io: { devices: [{ major: 8n, minor: 0n, readBytes: 10n, writeBytes: 20n, reads: 1n, writes: 2n }] },
      hugetlb: [{ pageSize: '1GB', usage: 0n, maxUsage: 1n, failcnt: 2n }],
    });
  });

  it('has no swap limit where memory has none, and never a negative swap', async () => {
    root.add({
      [path('memory', 'memory.usage_in_bytes')]: '1000\n',
      [path('memory', 'memory.limit_in_bytes')]: '9223372036854771712\n',
      [path('memory', 'memory.memsw.usage_in_bytes')]: '999\n',
      [path('memory', 'memory.memsw.limit_in_bytes')]: '9223372036854771712\n',
    });
    expect(await valuesOf('/kubepods/pod1', layout)).toEqual({
      memory: { usage: 1000n, limit: 9223372036854771712n, swapUsage: 0n },
    });
  });

  it('knows a cgroup that is gone', async () => {
    expect(await valuesOf('/kubepods/pod2', layout)).toBeUndefined();
  });
});

it.each([
  ['12\n', 12n],
  ['18446744073709551615', 18446744073709551615n],
  ['-1\n', -1n],
  ['max\n', undefined],
  ['', undefined],
  ['1 2', undefined],
])('parseNumber(%j)', (text, value) => {
  expect(parseNumber(text)).toBe(value);
});

it('parseTable and parsePressure leave out what they do not understand', () => {
  expect(parseTable('a 1\nb max\nc 1 2\n\nd 4')).toEqual(
    new Map([
      ['a', 1n],
      ['d', 4n],
    ]),
  );
  expect(parsePressure(undefined)).toBeUndefined();
  expect(parsePressure('')).toBeUndefined();
  expect(parsePressure('some avg10=0.50 avg60=0.00 avg300=0.00 total=1\n')).toEqual({
    some: { avg10: 0.5, avg60: 0, avg300: 0, totalNs: 1000n },
  });
});
