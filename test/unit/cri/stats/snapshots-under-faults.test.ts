import { BIG, layerOf, metricOf, SMALL, type Told, timeOf, useStatsBench } from '../../../support/stats-bench';

const bench = useStatsBench();

type Request = Readonly<Record<string, unknown>>;
type How = { readonly hang?: boolean };
const HOWS: [string, How][] = [
  ['fails', {}],
  ['hangs', { hang: true }],
];

const MEMORY = 'container_memory_usage_bytes';

const failUsage = (when: (request: Request) => boolean, how: How = {}): void =>
  bench.now.rig.fake.fail('Snapshots/Usage', { nth: 'always', when, ...how });
const failList = (of: string, how: How = {}): void =>
  bench.now.rig.fake.fail('Snapshots/List', { nth: 'always', when: ({ snapshotter }) => snapshotter === of, ...how });
/** Whether the sums are these: of overlayfs, when so many of its snapshots have grown, and of the volume. */
const areSums = (told: Told, grown: bigint): boolean =>
  told.filesystems[0]?.usedBytes?.value === bench.now.sumOfOverlayfs(grown) &&
  told.filesystems[1]?.usedBytes?.value === BIG.size;
const ofSick = ({ key }: Request): boolean => key === bench.now.sick.metadata.id;

describe('A snapshot that cannot be measured', () => {
  it.each(HOWS)('hides no other when it %s, and is told as it was last, with the time of that', async (_how, how) => {
    const { sick, well } = bench.now;
    const [before, after] = await bench.now.beforeAndAfter(
      () => failUsage(ofSick, how),
      (told) => areSums(told, 1n) && metricOf(told, sick, MEMORY)?.value?.value === 50n,
    );
    expect(layerOf(after, sick)).toEqual(layerOf(before, sick));
    expect(layerOf(after, sick)?.usedBytes?.value).toBe(SMALL.size);
    expect(layerOf(after, well)?.usedBytes?.value).toBe(BIG.size);
    expect(layerOf(after, well)?.timestamp).toBeGreaterThan(layerOf(before, well)?.timestamp ?? 0n);
    // kubelet evicts for lack of disk only by what is newer than what it saw last.
    expect(timeOf(after)).toBeGreaterThan(timeOf(before));
    expect([...after.pods.keys()].sort()).toEqual([sick, well].map(({ metadata }) => metadata.sandboxId).sort());
  });

  it('is measured again once that works, without a restart', async () => {
    const { sick } = bench.now;
    const [before] = await bench.now.beforeAndAfter(
      () => failUsage(ofSick),
      (told) => areSums(told, 1n),
    );
    bench.now.rig.heal();
    const isBig = 'its size of now is told';
    const healed = await bench.now.told(isBig, (told) => layerOf(told, sick)?.usedBytes?.value === BIG.size);
    expect(layerOf(healed, sick)?.timestamp).toBeGreaterThan(layerOf(before, sick)?.timestamp ?? 0n);
  });

  it('does not hold up the first ImageFsInfo after a start, nor do many of them', async () => {
    const healthy = bench.now.well.metadata.id;
    failUsage(({ key }) => key !== healthy, { hang: true });
    const told = await bench.now.told('the healthy one is', ({ filesystems }) => {
      return filesystems[0]?.usedBytes?.value === SMALL.size;
    });
    expect(told.filesystems[1]?.usedBytes?.value).toBe(0n);
    expect(timeOf(told)).toBeGreaterThan(0n);
  });
});

describe('A snapshotter that cannot list its snapshots', () => {
  it.each(HOWS)('hides no other when it %s, and those that it had are measured on', async (_how, how) => {
    const [before, after] = await bench.now.beforeAndAfter(
      () => failList('devmapper', how),
      (told) => areSums(told, 2n),
    );
    expect(after.filesystems[1]?.fsId).toEqual(before.filesystems[1]?.fsId);
    expect(after.containers.size).toBe(2);
  });

  it.each(HOWS)('measures the layers of containers all the same when it %s', async (_how, how) => {
    const { sick, well } = bench.now;
    const [before, after] = await bench.now.beforeAndAfter(
      () => failList('overlayfs', how),
      (told) => areSums(told, 2n),
      1,
    );
    expect([sick, well].map((each) => layerOf(after, each)?.usedBytes?.value)).toEqual([BIG.size, BIG.size]);
    expect(timeOf(after)).toBeGreaterThan(timeOf(before));
  });

  it('keeps its figures and their time while nothing of it can be measured', async () => {
    const { sick, well } = bench.now;
    const fault = (): void => {
      failList('overlayfs');
      failUsage(({ snapshotter }) => snapshotter === 'overlayfs');
    };
    const [before, after] = await bench.now.beforeAndAfter(fault, (told) => areSums(told, 0n), 1);
    expect(after.filesystems[0]).toEqual(before.filesystems[0]);
    for (const each of [sick, well]) expect(layerOf(after, each)).toEqual(layerOf(before, each));
  });

  it('is told by what containers take when it never listed any, and left out when it has none', async () => {
    for (const snapshotter of ['overlayfs', 'devmapper']) failList(snapshotter);
    const told = await bench.now.told('both layers are', ({ filesystems }) => {
      return filesystems[0]?.usedBytes?.value === 2n * SMALL.size;
    });
    expect(told.filesystems).toHaveLength(1);
    expect(timeOf(told)).toBeGreaterThan(0n);
  });
});
