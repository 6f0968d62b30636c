import { type DeepPartial, LinuxContainerResources } from '../../../../generated/cri/v1/api';
import type { Spec, SpecResources } from '../../../../src/model/spec';
import {
  mergedHugepages,
  oomScoreAdj,
  resourcesOf,
  updateResources,
  withResources,
} from '../../../../src/oci/resources/resources';
import { facts, settings, thrownBy } from '../fixtures';

const resources = (partial: DeepPartial<LinuxContainerResources>) => LinuxContainerResources.fromPartial(partial);
const hugetlb = { ...settings, disable_hugetlb_controller: false };
const noSwap = { ...facts, swapController: false };
const hugepageLimits = [{ pageSize: '2MB', limit: 2n ** 63n }];

describe('withResources', () => {
  it.each<[string, DeepPartial<LinuxContainerResources>, SpecResources]>([
    ['nothing for zeroes', {}, {}],
    [
      'CPU time',
      { cpuPeriod: 100_000n, cpuQuota: -1n, cpuShares: 2n },
      { cpu: { period: 100_000n, quota: -1n, shares: 2n } },
    ],
    ['CPU sets', { cpusetCpus: '0-3', cpusetMems: '0' }, { cpu: { cpus: '0-3', mems: '0' } }],
    ['a memory limit that allows no swap', { memoryLimitInBytes: 100n }, { memory: { limit: 100n, swap: 100n } }],
    [
      'a memory limit that allows swap',
      { memoryLimitInBytes: 100n, memorySwapLimitInBytes: 150n },
      { memory: { limit: 100n, swap: 150n } },
    ],
    ['a swap limit alone', { memorySwapLimitInBytes: -1n }, { memory: { swap: -1n } }],
    [
      'the largest limit',
      { memoryLimitInBytes: 2n ** 63n - 1n },
      { memory: { limit: 2n ** 63n - 1n, swap: 2n ** 63n - 1n } },
    ],
    ['files of cgroup v2', { unified: { 'memory.high': '1' } }, { unified: { 'memory.high': '1' } }],
    ['no huge pages by default', { hugepageLimits }, {}],
  ])('sets %s', (_, asked, expected) => {
    expect(withResources({}, resources(asked), facts, settings)).toEqual(expected);
  });

  it('leaves swap alone where the kernel does not count it', () => {
    const asked = resources({ memoryLimitInBytes: 100n, memorySwapLimitInBytes: 150n });
    expect(withResources({}, asked, noSwap, settings)).toEqual({ memory: { limit: 100n } });
  });

  it('sets limits of huge pages when the configuration says so', () => {
    expect(withResources({}, resources({ hugepageLimits }), facts, hugetlb)).toEqual({ hugepageLimits });
  });

  it('drops them, or fails, where the controller is missing', () => {
    const without = { ...facts, controllers: new Set(['cpu']) };
    const asked = resources({ hugepageLimits });
    expect(withResources({}, asked, without, hugetlb)).toEqual({});
    const strict = { ...hugetlb, tolerate_missing_hugetlb_controller: false };
    expect(withResources({}, resources({}), without, strict)).toEqual({});
    expect(thrownBy(() => withResources({}, asked, without, strict))).toMatchObject({
      field: 'config.linux.resources.hugepage_limits',
      code: 'FAILED_PRECONDITION',
    });
  });

  it.each<[DeepPartial<LinuxContainerResources>, string]>([
    [{ cpuPeriod: -1n }, 'cpu_period'],
    [{ cpuPeriod: 999n }, 'cpu_period'],
    [{ cpuPeriod: 1_000_001n }, 'cpu_period'],
    [{ cpuQuota: 999n }, 'cpu_quota'],
    [{ cpuShares: -1n }, 'cpu_shares'],
    [{ cpusetCpus: '1-0' }, 'cpuset_cpus'],
    [{ cpusetCpus: '0,x' }, 'cpuset_cpus'],
    [{ cpusetCpus: '-1' }, 'cpuset_cpus'],
    [{ cpusetMems: '0x1' }, 'cpuset_mems'],
    [{ memoryLimitInBytes: -2n }, 'memory_limit_in_bytes'],
    [{ memorySwapLimitInBytes: -2n }, 'memory_swap_limit_in_bytes'],
    [{ memoryLimitInBytes: 100n, memorySwapLimitInBytes: 99n }, 'memory_swap_limit_in_bytes'],
    [{ memorySwapLimitInBytes: 99n }, 'memory_swap_limit_in_bytes'],
    [{ memoryLimitInBytes: -1n, memorySwapLimitInBytes: 99n }, 'memory_swap_limit_in_bytes'],
    [{ hugepageLimits: [{ pageSize: '../x', limit: 1n }] }, 'hugepage_limits[0].page_size'],
    [{ hugepageLimits: [{ pageSize: '3MB', limit: 1n }] }, 'hugepage_limits[0].page_size'],
    [{ unified: { '../cgroup.procs': '1' } }, 'unified'],
    [{ unified: { memory: '1' } }, 'unified'],
    [{ unified: { 'a.b/c': '1' } }, 'unified'],
  ])('refuses %j', (asked, field) => {
    expect(thrownBy(() => withResources({}, resources(asked), facts, hugetlb))).toMatchObject({
      field: `config.linux.resources.${field}`,
    });
  });

  it.each<[DeepPartial<LinuxContainerResources>]>([
    [{ cpuPeriod: 1_000n, cpuQuota: 1_000n }],
    [{ cpuPeriod: 1_000_000n, cpuQuota: -7n }],
    [{ cpusetCpus: '0-1:1/2, 3', cpusetMems: 'all' }],
    [{ cpusetCpus: '0-N' }],
    [{ cpuShares: 262_145n }],
    [{ memoryLimitInBytes: 1n, memorySwapLimitInBytes: 1n }],
    [{ memoryLimitInBytes: -1n, memorySwapLimitInBytes: -1n }],
    [{ memoryLimitInBytes: 100n, memorySwapLimitInBytes: -1n }],
  ])('takes %j, as the kernel does', (asked) => {
    expect(() => withResources({}, resources(asked), facts, settings)).not.toThrow();
  });

  it.each([1n, 262_145n])('refuses %d CPU shares on cgroup v1, where runc does', (cpuShares) => {
    const v1 = { ...facts, cgroup2: false };
    expect(thrownBy(() => withResources({}, resources({ cpuShares }), v1, settings))).toMatchObject({
      field: 'config.linux.resources.cpu_shares',
      message: expect.stringContaining('not between 2 and 262144'),
    });
  });

  it('refuses files of cgroup v2 on cgroup v1', () => {
    const v1 = { ...facts, cgroup2: false };
    const act = () => withResources({}, resources({ unified: { 'memory.high': '1' } }), v1, settings);
    expect(thrownBy(act)).toMatchObject({ field: 'config.linux.resources.unified', code: 'FAILED_PRECONDITION' });
  });
});

describe('updateResources', () => {
  const spec: Spec = {
    ociVersion: '1.2.0',
    linux: {
      cgroupsPath: '/x',
      resources: {
        devices: [{ allow: false }],
        cpu: { shares: 2n, quota: 1000n },
        memory: { limit: 100n, swap: 100n },
        hugepageLimits: [
          { pageSize: '2MB', limit: 1n },
          { pageSize: '1GB', limit: 1n },
        ],
        unified: { 'memory.high': '1', 'memory.low': '1' },
      },
    },
  };

  it('changes what is given and leaves the rest, and the given spec, as they were', () => {
    const before = structuredClone(spec);
    const change = resources({
      cpuShares: 4n,
      memoryLimitInBytes: 200n,
      hugepageLimits: [{ pageSize: '2MB', limit: 5n }],
      unified: { 'memory.high': '2' },
    });
    expect(updateResources(spec, change, facts, hugetlb)).toEqual({
      ociVersion: '1.2.0',
      linux: {
        cgroupsPath: '/x',
        resources: {
          devices: [{ allow: false }],
          cpu: { shares: 4n, quota: 1000n },
          memory: { limit: 200n, swap: 200n },
          hugepageLimits: [
            { pageSize: '1GB', limit: 1n },
            { pageSize: '2MB', limit: 5n },
          ],
          unified: { 'memory.high': '2', 'memory.low': '1' },
        },
      },
    });
    expect(spec).toEqual(before);
  });

  it('names the field of its own request', () => {
    const act = () => updateResources(spec, resources({ cpuPeriod: -1n }), facts, settings);
    expect(thrownBy(act)).toMatchObject({ field: 'linux.cpu_period' });
    const swap = () => updateResources(spec, resources({ memorySwapLimitInBytes: 99n }), facts, settings);
    expect(thrownBy(swap)).toMatchObject({ field: 'linux.memory_swap_limit_in_bytes' });
  });

  it('changes nothing when nothing is given', () => {
    expect(updateResources(spec, resources({}), facts, settings)).toEqual(spec);
  });
});

describe('oomScoreAdj', () => {
  it.each([
    [900n, true, -999, false, 900],
    [-997n, true, 0, false, -997],
    [-997n, true, -500, true, -500],
    [-997n, false, -500, false, -500],
    [-100n, false, -500, false, -100],
  ])(
    'of %d, may lower: %s, own %d, restricted: %s, is %d',
    (asked, canLowerOomScore, minOomScoreAdj, restrict, expected) => {
      const score = oomScoreAdj(asked, { canLowerOomScore, minOomScoreAdj }, { restrict_oom_score_adj: restrict });
      expect(score).toBe(expected);
    },
  );

  it.each([-1001n, 1001n, 2n ** 62n])('refuses %d', (asked) => {
    expect(thrownBy(() => oomScoreAdj(asked, facts, settings))).toMatchObject({
      field: 'config.linux.resources.oom_score_adj',
    });
  });
});

describe('resourcesOf', () => {
  it('reads back what was set, and 0 for the rest', () => {
    const asked = resources({
      cpuPeriod: 100_000n,
      memoryLimitInBytes: 2n ** 60n,
      unified: { 'memory.high': '1' },
      hugepageLimits,
    });
    const spec: Spec = {
      ociVersion: '1.2.0',
      process: { user: { uid: 0, gid: 0 }, cwd: '/', oomScoreAdj: -5 },
      linux: { resources: withResources({}, asked, facts, hugetlb) },
    };
    expect(resourcesOf(spec)).toEqual({ ...asked, memorySwapLimitInBytes: 2n ** 60n, oomScoreAdj: -5n });
    expect(resourcesOf({ ociVersion: '1.2.0' })).toEqual(resources({}));
  });

  it('takes plain numbers of a spec that was read from JSON', () => {
    const spec = JSON.parse('{"linux":{"resources":{"memory":{"limit":5},"cpu":{"quota":-1}}}}');
    expect(resourcesOf(spec)).toMatchObject({ memoryLimitInBytes: 5n, cpuQuota: -1n });
  });
});

describe('mergedHugepages', () => {
  it('lays the limits of a change over those that were there', () => {
    const before = [
      { pageSize: '2MB', limit: 1n },
      { pageSize: '1GB', limit: 2n },
    ];
    expect(mergedHugepages(before, [{ pageSize: '1GB', limit: 3n }])).toEqual([
      { pageSize: '2MB', limit: 1n },
      { pageSize: '1GB', limit: 3n },
    ]);
    expect(mergedHugepages(before, [])).toEqual(before);
    expect(mergedHugepages(undefined, before)).toEqual(before);
  });
});
