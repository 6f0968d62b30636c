import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { architecture, hugePageSize, kernelVersion, readHostFacts } from '../../../src/host/host-facts';
import { useFakeRoot } from './fake-root';

const root = useFakeRoot();
const dirs = (...names: string[]): void => {
  for (const name of names) mkdirSync(join(root.path, name), { recursive: true });
};

it('readHostFacts reads a v2 host with everything', async () => {
  root.add({
    'proc/self/mountinfo': `1 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
2 1 0:2 / /sys/fs/selinux rw - selinuxfs selinuxfs rw\n`,
    'proc/self/cgroup': '0::/system.slice/crisp.service\n',
    'proc/77/status': 'CapEff:\t0000000001000001\nSeccomp:\t0\n',
    'proc/77/oom_score_adj': '-999\n',
    'proc/sys/kernel/cap_last_cap': '1\n',
    'sys/fs/cgroup/cgroup.controllers': 'cpu memory\n',
    'sys/fs/cgroup/system.slice/crisp.service/memory.swap.max': 'max\n',
    'sys/module/apparmor/parameters/enabled': 'Y\n',
    'sys/kernel/security/apparmor/profiles': '',
  });
  const cpus = 'sys/devices/system/cpu';
  dirs(...[0, 2, 10].map((cpu) => `${cpus}/cpu${cpu}/thermal_throttle`), `${cpus}/cpu1`, `${cpus}/cpuidle`);
  dirs('run/systemd/system', 'sys/kernel/mm/hugepages/hugepages-2048kB', 'sys/kernel/mm/hugepages/hugepages-1048576kB');
  expect(await readHostFacts({ root: root.path, daemonPid: 77, kernelRelease: '6.1.0-18-amd64' })).toEqual({
    cgroup2: true,
    controllers: new Set(['cpu', 'memory']),
    swapController: true,
    seccomp: true,
    apparmor: true,
    selinux: true,
    capabilities: ['CAP_CHOWN', 'CAP_SYS_RESOURCE'],
    kernelCapabilities: ['CAP_CHOWN', 'CAP_DAC_OVERRIDE'],
    canLowerOomScore: true,
    minOomScoreAdj: -999,
    kernel: { major: 6, minor: 1 },
    architecture: expect.any(String),
    hostname: hostname(),
    systemd: true,
    hugePageSizes: ['1GB', '2MB'],
    thermalThrottleDirs: [0, 2, 10].map((cpu) => `/${cpus}/cpu${cpu}/thermal_throttle`),
  });
});

it('readHostFacts of a host that says nothing promises nothing', async () => {
  expect(await readHostFacts({ root: root.path, kernelRelease: '' })).toMatchObject({
    cgroup2: false,
    controllers: new Set(),
    swapController: false,
    seccomp: false,
    apparmor: false,
    selinux: false,
    capabilities: [],
    canLowerOomScore: false,
    minOomScoreAdj: 0,
    kernel: { major: 0, minor: 0 },
    systemd: false,
    hugePageSizes: [],
    thermalThrottleDirs: [],
  });
});

it('takes the capabilities of process 1 where the daemon is not known, not those that its own unit leaves it', async () => {
  root.add({
    'proc/1/status': 'CapEff:\t0000000001000001\nSeccomp:\t0\n',
    'proc/self/status': 'CapEff:\t0000000000000000\nSeccomp:\t2\n',
  });
  expect(await readHostFacts({ root: root.path })).toMatchObject({
    capabilities: ['CAP_CHOWN', 'CAP_SYS_RESOURCE'],
    canLowerOomScore: true,
  });
});

it('readHostFacts sees swap accounting of v1, and of v2 from a process in the root cgroup', async () => {
  root.add({
    'proc/self/mountinfo': '1 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n',
    'sys/fs/cgroup/memory/memory.memsw.limit_in_bytes': '1\n',
  });
  expect(await readHostFacts({ root: root.path })).toMatchObject({ cgroup2: false, swapController: true });
  root.add({
    'proc/self/mountinfo': '1 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n',
    'proc/self/cgroup': '0::/\n',
    'sys/fs/cgroup/init.scope/memory.swap.max': 'max\n',
  });
  expect(await readHostFacts({ root: root.path })).toMatchObject({ cgroup2: true, swapController: true });
});

it('AppArmor needs the module on and its files in view', async () => {
  root.add({ 'sys/module/apparmor/parameters/enabled': 'Y\n' });
  expect(await readHostFacts({ root: root.path })).toMatchObject({ apparmor: false });
  root.add({ 'sys/kernel/security/apparmor/profiles': '', 'sys/module/apparmor/parameters/enabled': 'N\n' });
  expect(await readHostFacts({ root: root.path })).toMatchObject({ apparmor: false });
});

it('readHostFacts works on the host at hand', async () => {
  const facts = await readHostFacts({ daemonPid: process.pid });
  expect(facts.kernel.major).toBeGreaterThan(3);
  expect(facts.kernelCapabilities.length).toBeGreaterThan(35);
  expect(facts.seccomp).toBe(true);
});

it.each([
  ['hugepages-64kB', ['64KB']],
  ['hugepages-2048kB', ['2MB']],
  ['hugepages-524288kB', ['512MB']],
  ['hugepages-1048576kB', ['1GB']],
  ['hugepages-16777216kB', ['16GB']],
  ['other', []],
])('hugePageSize(%s)', (name, size) => {
  expect(hugePageSize(name)).toEqual(size);
});

it.each([
  ['x64', 'LE', 'amd64'],
  ['arm64', 'LE', 'arm64'],
  ['arm', 'LE', 'arm'],
  ['ia32', 'LE', '386'],
  ['ppc64', 'LE', 'ppc64le'],
  ['s390x', 'BE', 's390x'],
  ['riscv64', 'LE', 'riscv64'],
] as const)('architecture(%s, %s) is %s', (arch, endian, name) => {
  expect(architecture(arch, endian)).toBe(name);
});

it.each([
  ['5.15', { major: 5, minor: 15 }],
  ['6.18.44-fc', { major: 6, minor: 18 }],
  ['weird', { major: 0, minor: 0 }],
])('kernelVersion(%s)', (release, version) => {
  expect(kernelVersion(release)).toEqual(version);
});
