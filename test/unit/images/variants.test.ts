import { cpuVariant } from '../../../src/images/document/cpu-level';
import { hostPlatform, platformRank } from '../../../src/images/document/platform';
import { ensureUnpacked } from '../../../src/images/unpack/ensure-unpacked';
import type { FakeRegistry } from '../../support/fake-registry';
import { ImageBench } from '../../support/image-bench';
import { type TestImage, testImage, testIndex } from '../../support/test-image';

const V2 = 'cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3';
const V3 = `${V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave`;
const V4 = `${V3} avx512f avx512bw avx512cd avx512dq avx512vl`;
const without = (flags: string, flag: string): string =>
  flags
    .split(' ')
    .filter((each) => each !== flag)
    .join(' ');
const cpus = (...flags: string[]): string =>
  flags.map((each, at) => `processor\t: ${at}\nflags\t\t: fpu sse sse2 ${each}\nbugs\t\t: avx512f\n`).join('\n');

describe('The variant of the CPU', () => {
  it.each([
    ['amd64', cpus(''), ''],
    ['amd64', cpus(V2), 'v2'],
    ['amd64', cpus(V3), 'v3'],
    ['amd64', cpus(V4), 'v4'],
    ['amd64', cpus(without(V2, 'pni')), ''],
    ['amd64', cpus(without(V3, 'abm')), 'v2'],
    ['amd64', cpus(without(V4, 'avx512vl')), 'v3'],
    ['amd64', cpus(without(V4, 'cx16')), ''],
    ['amd64', cpus(V4, V4), 'v4'],
    ['amd64', cpus(V4, V2), 'v2'],
    ['amd64', '', undefined],
    ['arm64', 'Features\t: fp asimd sve\nCPU architecture: 8\n', 'v8'],
    ['arm64', 'Features\t: fp asimd sve sve2\nCPU architecture: 8\n', 'v9'],
    ['arm64', 'Features\t: fp sve2\n\nFeatures\t: fp\n', 'v8'],
    ['arm64', '', undefined],
    ['arm', 'CPU architecture: 7\n', 'v7'],
    ['arm', 'model name\t: ARMv6-compatible processor rev 7 (v6l)\nCPU architecture: 7\n', 'v6'],
    ['arm', 'CPU architecture: 5TEJ\n', 'v5'],
    ['arm', 'CPU architecture: 8\n', 'v8'],
    ['arm', 'CPU architecture: AArch64\n', 'v8'],
    ['arm', 'CPU architecture: 8\nCPU architecture: 7\n', 'v7'],
    ['arm', 'CPU architecture: ?\n', undefined],
    ['s390x', 'features\t: esan3\n', undefined],
  ])('of %s with %j is %s', (architecture, cpuinfo, variant) => {
    expect(cpuVariant(architecture, cpuinfo)).toBe(variant);
  });

  it('is known of this machine, which runs what is made for it and for less', () => {
    const host = hostPlatform();
    expect(platformRank(host, host)).toBe(0);
    expect(platformRank({ ...host, variant: '' }, host)).toBeDefined();
  });
});

describe('An image for a variant of the architecture', () => {
  const amd64 = (variant?: string) => ({ os: 'linux', architecture: 'amd64', ...(variant ? { variant } : {}) });
  const image = (variant: string, more: object = {}): TestImage =>
    testImage([variant], { config: { ...(variant ? { variant } : {}), ...more } });
  const images = { none: image(''), v2: image('v2'), v3: image('v3'), v4: image('v4') };
  type Name = keyof typeof images;
  const nameOf = (id: string): string =>
    Object.entries(images).find(([, { config }]) => config.digest === id)?.[0] ?? id;

  /** What a machine of this variant pulls, and has when everything is read again, and can make containers of. */
  async function pulled(host: string, put: (registry: FakeRegistry) => void): Promise<string> {
    const bench = await ImageBench.start({ os: 'linux', architecture: 'amd64', variant: host });
    try {
      const registry = await bench.registry();
      put(registry);
      const { id } = await bench.pull(`${registry.host}/a/b:1`);
      await bench.index.resync();
      expect(bench.index.list().map((each) => each.id)).toEqual([id]);
      return nameOf(id);
    } finally {
      await bench.stop();
    }
  }

  const index =
    (names: readonly Name[], platforms = true) =>
    (registry: FakeRegistry) => {
      for (const name of names) registry.addImage('a/b', undefined, images[name]);
      const entries = names.map((name) => ({
        image: images[name],
        ...(platforms ? { platform: amd64(name === 'none' ? undefined : name) } : {}),
      }));
      registry.addManifest('a/b', '1', testIndex(entries));
    };
  const single = (only: TestImage) => (registry: FakeRegistry) => registry.addImage('a/b', '1', only);

  it.each<[string, readonly Name[], string]>([
    ['v4', ['none', 'v3', 'v4', 'v2'], 'v4'],
    ['v3', ['none', 'v4', 'v2', 'v3'], 'v3'],
    ['v2', ['v4', 'v3', 'none', 'v2'], 'v2'],
    ['', ['v4', 'v3', 'v2', 'none'], 'none'],
    ['v3', ['v2'], 'v2'],
    ['v4', ['none'], 'none'],
    ['v3', ['v4', 'none'], 'none'],
  ])('is the best that the CPU has: %s of %j is %s', async (host, names, best) => {
    expect(await pulled(host, index(names))).toBe(best);
  });

  it.each<[string, readonly Name[]]>([
    ['', ['v2']],
    ['v2', ['v3', 'v4']],
  ])('is never one that the CPU lacks: %s has none of %j', async (host, names) => {
    await expect(pulled(host, index(names))).rejects.toThrow(
      /there is no image for linux\/amd64.*: there are ones for/,
    );
  });

  it('is found out from its config where the index does not say', async () => {
    expect(await pulled('v3', index(['none', 'v4', 'v2', 'v3'], false))).toBe('v3');
    expect(await pulled('', index(['v2', 'none'], false))).toBe('none');
    const broken = (registry: FakeRegistry): void => {
      index(['v2', 'v3'], false)(registry);
      registry.removeBlob(images.v3.config);
    };
    expect(await pulled('v3', broken)).toBe('v2');
  });

  it.each(['', 'v2', 'v4'])('is taken as it is where there is no choice, on "%s"', async (host) => {
    expect(await pulled(host, single(images.v2))).toBe('v2');
    expect(await pulled(host, single(images.v4))).toBe('v4');
  });

  it('may leave out what it is for, and is not for another architecture', async () => {
    const bare = image('', { architecture: '', os: 'linux' });
    expect(await pulled('v3', single(bare))).toBe(bare.config.digest);
    await expect(pulled('v3', single(image('v8', { architecture: 'arm64' })))).rejects.toThrow(
      'it is made for linux/arm64/v8, and this machine is linux/amd64/v3',
    );
  });

  it('can be unpacked later for another snapshotter, though its config does not name the variant', async () => {
    const host = hostPlatform();
    const bench = await ImageBench.start(host);
    try {
      const registry = await bench.registry();
      const unnamed = testImage(['x'], { config: { architecture: host.architecture } });
      registry.addImage('a/b', undefined, unnamed);
      registry.addManifest('a/b', '1', testIndex([{ image: unnamed, platform: host }]));
      const found = await bench.pull(`${registry.host}/a/b:1`);
      const { signal } = new AbortController();
      await ensureUnpacked({ containerd: bench.containerd }, found, { snapshotter: 'native', signal });
      expect([...bench.fake.state.snapshots.values()].length).toBe(2);
    } finally {
      await bench.stop();
    }
  });
});
