import { Metrics } from '../../../generated/cgroups/v3/cgroup2/stats/metrics';
import { stopContainer } from '../../../src/cri/container/stop-container';
import type { Container } from '../../../src/model/container';
import type { Sandbox } from '../../../src/model/sandbox';
import { StatsSampler } from '../../../src/sampler/stats-sampler';
import { until } from '../../support/daemon/process';
import { runContainer, runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';

const rig = useRig();
const PARENT = '/kubepods/pod1';
const LONG_MS = 1_000_000;
let sampler: StatsSampler;
/** Cgroups that were read, in order. */
let read: string[];

function make(periodMs: number): StatsSampler {
  sampler = new StatsSampler(rig.now.deps, { periodMs });
  return sampler;
}

beforeEach(() => {
  const { host } = rig.now;
  const readCgroup = host.readCgroup.bind(host);
  read = [];
  host.readCgroup = async (path) => {
    read.push(path);
    return readCgroup(path);
  };
});
afterEach(() => sampler.stop());

const askedShims = (): number => rig.now.fake.calls.filter((call) => call.includes('Tasks/Metrics')).length;
const uses = (cgroup: string, usageNs: bigint, threads = 1n): void =>
  void rig.now.host.cgroups.set(cgroup, { cpu: { usageNs }, memory: { usage: 100n }, pids: { current: threads } });

function sandboxOf(id: string): Sandbox {
  const sandbox = rig.now.deps.sandboxes.get(id);
  if (!sandbox) throw new Error('no pod');
  return sandbox;
}

/** What the shim of a container tells from now on. */
function tells({ metadata }: Container, usageUsec: bigint): void {
  const value = Buffer.from(Metrics.encode(Metrics.fromPartial({ cpu: { usageUsec } })).finish());
  rig.now.fake.world.metrics.set(metadata.id, { typeUrl: 'io.containerd.cgroups.v2.Metrics', value });
}

/** A pod with a cgroup of its own and a container that runs in it. */
async function busy(): Promise<{ sandbox: Sandbox; container: Container; cgroup: string }> {
  const pod = await runPod(rig.now, { linux: { cgroupParent: PARENT } });
  const container = await runContainer(rig.now, pod);
  const cgroup = `${PARENT}/${container.metadata.id}`;
  uses(PARENT, 9n);
  uses(cgroup, 5n);
  return { sandbox: sandboxOf(pod), container, cgroup };
}

describe('What is asked for', () => {
  it('is read for the answer, at a later time each time', async () => {
    const { sandbox, container, cgroup } = await busy();
    make(LONG_MS);
    const [pod, first] = [await sampler.pod(sandbox), await sampler.container(container)];
    uses(PARENT, 90n);
    uses(cgroup, 50n);
    const [laterPod, second] = [await sampler.pod(sandbox), await sampler.container(container)];
    expect([pod, laterPod, first, second].map(({ values }) => values?.cpu?.usageNs)).toEqual([9n, 90n, 5n, 50n]);
    expect(laterPod.timestamp).toBeGreaterThan(pod.timestamp);
    expect(second.timestamp).toBeGreaterThan(first.timestamp);
    expect(askedShims()).toBe(0);
  });

  it('is read once for those who ask at the same moment', async () => {
    const { container, cgroup } = await busy();
    make(LONG_MS);
    const all = await Promise.all([1, 2, 3].map(() => sampler.container(container)));
    expect(read).toEqual([cgroup]);
    expect(new Set(all.map(({ timestamp }) => timestamp)).size).toBe(1);
  });

  it('may be a little old where the asker says so, but not while there is no rate yet', async () => {
    const { container, cgroup } = await busy();
    make(LONG_MS);
    const ask = () => sampler.container(container, LONG_MS);
    const first = await ask();
    expect(first.nanoCores).toBeUndefined();
    // kubelet computes the rate by itself then, and needs two times for that.
    expect((await ask()).timestamp).toBeGreaterThan(first.timestamp);
    await until('there is a rate', 5000, async () => (await sampler.container(container)).nanoCores !== undefined);
    const before = read.length;
    const known = await ask();
    uses(cgroup, 50n);
    expect(await ask()).toEqual(known);
    expect(read).toHaveLength(before);
  });

  it('is told with the rate since it was last measured', async () => {
    const { container, cgroup } = await busy();
    make(LONG_MS);
    const first = await sampler.container(container);
    uses(cgroup, 5n + 1_000_000n);
    let second = first;
    await until('there is a rate', 5000, async () => {
      second = await sampler.container(container);
      return second.nanoCores !== undefined;
    });
    const took = second.readAt - first.readAt;
    expect(took).toBeGreaterThanOrEqual(500_000_000n);
    expect(second.nanoCores).toBe((1_000_000n * 1_000_000_000n) / took);
  });
});

describe('The rounds', () => {
  it('measure what nobody asks for, so that the first who asks is told a rate', async () => {
    const { sandbox, container, cgroup } = await busy();
    make(LONG_MS).start();
    await until('a round is over', 5000, async () => read.includes(PARENT) && read.includes(cgroup));
    const over = performance.now();
    await until('there can be a rate', 5000, async () => performance.now() - over > 600);
    expect((await sampler.pod(sandbox)).nanoCores).toBe(0n);
    expect((await sampler.container(container)).nanoCores).toBe(0n);
  });

  it('leave to a request what was measured for one, and measure it when nobody asks any more', async () => {
    const { container, cgroup } = await busy();
    make(700).start();
    const countOf = (path: string): number => read.filter((each) => each === path).length;
    await until('a round is over', 5000, async () => countOf(cgroup) > 0);
    const [pods, before] = [countOf(PARENT), countOf(cgroup)];
    let asked = 0;
    await until('two more rounds are over', 10_000, async () => {
      await sampler.container(container);
      asked++;
      return countOf(PARENT) >= pods + 2;
    });
    expect(countOf(cgroup)).toBe(before + asked);
    await until('a round measures it again', 10_000, async () => countOf(cgroup) > before + asked);
  });
});

describe('A container whose cgroup says nothing', () => {
  it('is asked of its shim when the cgroup is not to be found', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    expect((await make(LONG_MS).container(container)).values?.cpu).toBeUndefined();
    expect(askedShims()).toBe(1);
  });

  it.each([
    ['no process is in it', 5n, 0n],
    ['it has never used a processor', 0n, undefined],
  ])('is asked of its shim when %s: its processes are elsewhere', async (_, usageNs, threads) => {
    const { container, cgroup } = await busy();
    const pids = threads === undefined ? undefined : { current: threads };
    rig.now.host.cgroups.set(cgroup, { cpu: { usageNs }, memory: { usage: 0n }, pids });
    tells(container, 7n);
    make(LONG_MS);
    expect((await sampler.container(container)).values?.cpu?.usageNs).toBe(7000n);
    // What the shim said last counts, not the zeros of the cgroup, when it says nothing.
    rig.now.fake.fail('Tasks/Metrics', { nth: 'always' });
    expect((await sampler.container(container)).values?.cpu?.usageNs).toBe(7000n);
  });

  it('is told by the empty cgroup when its shim says nothing: its last process has just ended', async () => {
    const { container, cgroup } = await busy();
    uses(cgroup, 5n, 0n);
    rig.now.fake.fail('Tasks/Metrics', { nth: 'always' });
    expect((await make(LONG_MS).container(container)).values?.cpu?.usageNs).toBe(5n);
  });

  it('is asked of its shim when the cgroup hangs, and told by older values when that fails too', async () => {
    const { container } = await busy();
    make(LONG_MS);
    const first = await sampler.container(container);
    rig.now.host.readCgroup = () => new Promise(() => undefined);
    // Values that were read a moment ago are as good as new ones.
    const told = async () => (await sampler.container(container)).values?.cpu?.usageNs;
    tells(container, 7n);
    await until('the shim is asked', 20_000, async () => (await told()) === 7000n);
    const second = await sampler.container(container);
    expect(second.timestamp).toBeGreaterThan(first.timestamp);
    rig.now.fake.fail('Tasks/Metrics', { nth: 'always' });
    const third = await sampler.container(container);
    expect(third.values?.cpu?.usageNs).toBe(7000n);
    expect((await sampler.container(container)).timestamp).toBe(third.timestamp);
  });
});

describe('A pod without a cgroup of its own', () => {
  it('uses what its parts use, and its counters do not go back when one of them ends', async () => {
    const pod = await runPod(rig.now);
    const [a, b] = [await runContainer(rig.now, pod), await runContainer(rig.now, pod, { metadata: { name: 'b' } })];
    const sandbox = sandboxOf(pod);
    make(LONG_MS);
    await sampler.pod(sandbox);
    const infra = read.find((path) => path.includes(pod)) ?? '';
    uses(infra, 1n);
    for (const { metadata } of [a, b]) uses(infra.replace(pod, metadata.id), 10n);
    const first = await sampler.pod(sandbox);
    expect(first.values).toMatchObject({ cpu: { usageNs: 21n }, memory: { usage: 300n }, pids: { current: 3n } });
    await stopContainer(rig.now.deps, { containerId: a.metadata.id, timeout: 0n }, rig.now.call());
    uses(infra.replace(pod, b.metadata.id), 12n);
    const second = await sampler.pod(sandbox);
    expect(second.values).toMatchObject({ cpu: { usageNs: 23n }, memory: { usage: 200n }, pids: { current: 2n } });
    expect(second.timestamp).toBeGreaterThan(first.timestamp);
  });
});

describe('What is told of processes', () => {
  it('is asked of the kernel, and does not go with a shim that hangs', async () => {
    const { container, cgroup } = await busy();
    const { host } = rig.now;
    const counted: (readonly number[])[] = [];
    host.processCounts = async (pids?: readonly number[]) => {
      counted.push(pids ?? []);
      return { processes: 2n, threads: 3n, fileDescriptors: 4n, sockets: 1n };
    };
    const { pid } = container.status;
    host.cgroupPids.set(cgroup, [pid + 1, pid]);
    rig.now.fake.fail('Tasks/ListPids', { nth: 'always', hang: true });
    expect((await make(LONG_MS).processesOf(container))?.values.fileDescriptors).toBe(4n);
    // The first process leads: its limits are told.
    expect(counted).toEqual([[pid, pid + 1]]);
  });

  it('is asked of the shim when the kernel knows no process of the container', async () => {
    const { container } = await busy();
    const counted: (readonly number[])[] = [];
    rig.now.host.processCounts = async (pids?: readonly number[]) => {
      counted.push(pids ?? []);
      return { processes: 1n, threads: 1n, fileDescriptors: 1n, sockets: 0n };
    };
    expect((await make(LONG_MS).processesOf(container))?.values.processes).toBe(1n);
    expect(counted).toEqual([[container.status.pid]]);
  });
});
