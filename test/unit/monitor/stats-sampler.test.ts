import { Metrics } from '../../../generated/cgroups/v3/cgroup2/stats/metrics';
import type { StatsSampler as Sampler } from '../../../src/monitor/stats-sampler';
import { StatsSampler } from '../../../src/monitor/stats-sampler';
import { until } from '../../support/daemon/process';
import { runContainer, runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';

const rig = useRig();
const PARENT = '/kubepods/pod1';
let sampler: Sampler;

function start(periodMs: number): void {
  sampler = new StatsSampler(rig.now.deps, { periodMs });
  sampler.start();
}

afterEach(() => sampler.stop());

const askedShims = (): number => rig.now.fake.calls.filter((call) => call.includes('Tasks/Metrics')).length;
const uses = (cgroup: string, usageNs: bigint): void => void rig.now.host.cgroups.set(cgroup, { cpu: { usageNs } });

describe('the sampler', () => {
  it('answers what the last round measured, at the time of that round', async () => {
    const pod = await runPod(rig.now, { linux: { cgroupParent: PARENT } });
    const container = await runContainer(rig.now, pod);
    const sandbox = rig.now.deps.sandboxes.get(pod);
    if (!sandbox) throw new Error('no pod');
    uses(PARENT, 9n);
    uses(`${PARENT}/${container.metadata.id}`, 5n);
    start(100_000);
    await until('a round is over', 5000, async () => (await sampler.pod(sandbox)).values?.cpu?.usageNs === 9n);
    const first = await sampler.container(container);
    uses(PARENT, 90n);
    uses(`${PARENT}/${container.metadata.id}`, 50n);
    expect((await sampler.pod(sandbox)).values?.cpu?.usageNs).toBe(9n);
    expect(await sampler.container(container)).toEqual(first);
    expect(first.values?.cpu?.usageNs).toBe(5n);
    expect(askedShims()).toBe(0);
  });

  it('knows a rate after two rounds', async () => {
    const pod = await runPod(rig.now, { linux: { cgroupParent: PARENT } });
    const container = await runContainer(rig.now, pod);
    uses(`${PARENT}/${container.metadata.id}`, 5n);
    start(20);
    await until('there is a rate', 5000, async () => (await sampler.container(container)).nanoCores !== undefined);
  });

  it('asks the shim of a container whose cgroup is not to be found', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    sampler = new StatsSampler(rig.now.deps, { periodMs: 100_000 });
    expect((await sampler.container(container)).values?.cpu).toBeUndefined();
    expect(askedShims()).toBe(1);
  });

  it('asks the shim of a container whose cgroup hangs, and goes back to the older values when that fails too', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now, { linux: { cgroupParent: PARENT } }));
    const { id } = container.metadata;
    uses(`${PARENT}/${id}`, 5n);
    sampler = new StatsSampler(rig.now.deps, { periodMs: 0 });
    const first = await sampler.container(container);
    rig.now.host.cgroupValues = () => new Promise(() => undefined);
    // Values that were read a moment ago are as good as new ones.
    const told = async () => (await sampler.container(container)).values?.cpu?.usageNs;
    const value = Buffer.from(Metrics.encode(Metrics.fromPartial({ cpu: { usageUsec: 7n } })).finish());
    rig.now.fake.world.metrics.set(id, { typeUrl: 'io.containerd.cgroups.v2.Metrics', value });
    await until('the shim is asked', 20_000, async () => (await told()) === 7000n);
    const second = await sampler.container(container);
    expect(second.timestamp).toBeGreaterThan(first.timestamp);
    rig.now.fake.fail('Tasks/Metrics', { nth: 'always' });
    const third = await sampler.container(container);
    expect(third.values?.cpu?.usageNs).toBe(7000n);
    expect((await sampler.container(container)).timestamp).toBe(third.timestamp);
  });

  it('measures for who asks when the rounds are late', async () => {
    const pod = await runPod(rig.now, { linux: { cgroupParent: PARENT } });
    const container = await runContainer(rig.now, pod);
    uses(`${PARENT}/${container.metadata.id}`, 5n);
    sampler = new StatsSampler(rig.now.deps, { periodMs: 0 });
    expect((await sampler.container(container)).values?.cpu?.usageNs).toBe(5n);
    uses(`${PARENT}/${container.metadata.id}`, 6n);
    expect((await sampler.container(container)).values?.cpu?.usageNs).toBe(6n);
  });
});
