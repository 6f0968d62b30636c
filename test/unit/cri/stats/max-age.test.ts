import { listContainerStats } from '../../../../src/cri/stats/list-container-stats';
import { listPodSandboxMetrics } from '../../../../src/cri/stats/list-pod-sandbox-metrics';
import { listPodSandboxStats } from '../../../../src/cri/stats/list-pod-sandbox-stats';
import { maxAgeOf } from '../../../../src/cri/stats/max-age';
import { makeContainer, runPod } from '../../../support/story-pods';
import { useRig } from '../../../support/use-rig';

const rig = useRig();
const ALL = { filter: undefined };

/** How old figures may be of which containers and pods that a list asks for. */
async function agesIn(list: () => Promise<unknown>): Promise<Set<number | undefined>> {
  const ages = new Set<number | undefined>();
  const { stats } = rig.now.deps;
  const [container, pod] = [stats.container.bind(stats), stats.pod.bind(stats)];
  stats.container = (asked, age) => {
    ages.add(age);
    return container(asked, age);
  };
  stats.pod = (asked, age) => {
    ages.add(age);
    return pod(asked, age);
  };
  await list();
  stats.container = container;
  stats.pod = pod;
  return ages;
}

describe('What lists tell', () => {
  it('is read for the answer when it is about few', async () => {
    await makeContainer(rig.now, await runPod(rig.now));
    for (const list of [listContainerStats, listPodSandboxStats, listPodSandboxMetrics])
      expect(await agesIn(() => list(rig.now.deps, ALL, rig.now.call()))).toEqual(new Set([0]));
  });

  it('may be a quarter of a second old when it is about many', async () => {
    const pod = await runPod(rig.now);
    for (let i = 0; i < 17; i++) await makeContainer(rig.now, pod, { metadata: { name: `c${i}` } });
    expect(await agesIn(() => listContainerStats(rig.now.deps, ALL, rig.now.call()))).toEqual(new Set([250]));
  });

  it('is younger than the half second after which crictl asks again, however many there are', () => {
    for (const count of [0, 1, 16, 17, 105, 100_000]) expect(maxAgeOf(count)).toBeLessThan(500);
    expect([maxAgeOf(16, 10_000), maxAgeOf(17, 10_000)]).toEqual([0, 10_000]);
  });
});
