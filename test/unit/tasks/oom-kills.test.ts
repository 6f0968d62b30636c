import { removeContainer } from '../../../src/cri/container/remove-container';
import { runPodSandbox } from '../../../src/cri/sandbox/run-pod-sandbox';
import type { Container } from '../../../src/model/container';
import { askAndRecover } from '../../support/ask-and-recover';
import { makeContainer, podRequest, runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { until } from '../../support/streaming/until';
import { ended, removeAll, useRig } from '../../support/use-rig';

const KATA = '[containerd.runtimes.kata]\nruntime_type = "io.containerd.kata.v2"\nhost_processes = false';
const PARENT = '/kubepods/pod1';
const SLICE = '/kubepods.slice/kubepods-pod1.slice';

const rig = useRig({ config: KATA });

const cgroupOf = ({ metadata }: Container): string => `${PARENT}/${metadata.id}`;

/** Two containers of a pod, in cgroups of their own. */
async function two(on = rig.now): Promise<[Container, Container]> {
  const pod = await runPod(on, { linux: { cgroupParent: PARENT } });
  const named = (name: string) => runContainer(on, pod, { metadata: { name } });
  return [await named('a'), await named('b')];
}

/** Its first process ends; the answer is what is told of that. */
async function end({ metadata }: Container, code: number, on = rig.now): Promise<object> {
  on.fake.process(metadata.id).exit(code);
  await ended(on, metadata.id);
  const { exitCode, reason } = on.deps.containers.get(metadata.id)?.status ?? {};
  return { exitCode, reason };
}

describe.each([
  ['that tells of changes of the counter (v2)', true],
  ['that does not (v1)', false],
])('On a kernel %s, a container', (_kernel, tells) => {
  beforeEach(() => {
    rig.now.host.oom.tells = tells;
  });

  it.each([137, 3, 0])('is OOMKilled when the kernel has counted a kill in it and it ends with %i', async (code) => {
    const [container, sibling] = await two();
    rig.now.host.oom.counts.set(cgroupOf(container), 1);
    expect(await end(container, code)).toEqual({ exitCode: code, reason: 'OOMKilled' });
    expect(await end(sibling, 137)).toEqual({ exitCode: 137, reason: 'Error' });
  });

  it.each([
    [137, 'Error'],
    [3, 'Error'],
    [0, 'Completed'],
  ])('that ends with %i is %s when none was counted, and nothing else is asked', async (code, reason) => {
    rig.now.host.oom.log = undefined;
    const [container] = await two();
    expect(await end(container, code)).toEqual({ exitCode: code, reason });
    expect(rig.now.faults.calls).not.toContain('oomKilledCgroups');
    expect(rig.now.fake.calls.filter((call) => call.endsWith('Tasks/Metrics'))).toEqual([]);
  });

  it.each([137, 3, 0])('whose cgroup went before it could be read is what the kernel’s log says: %i', async (code) => {
    const [container, sibling] = await two();
    for (const each of [container, sibling]) rig.now.host.oom.counts.set(cgroupOf(each), undefined);
    rig.now.host.oom.log = [`${SLICE}/cri-containerd-${container.metadata.id}.scope`, `${SLICE}/theirs.scope`];
    expect(await end(container, code)).toEqual({ exitCode: code, reason: 'OOMKilled' });
    expect(await end(sibling, 137)).toEqual({ exitCode: 137, reason: 'Error' });
  });

  it('whose cgroup went, and of which no log can be read, is what an event of containerd says', async () => {
    const [container, sibling] = await two();
    for (const each of [container, sibling]) rig.now.host.oom.counts.set(cgroupOf(each), undefined);
    rig.now.host.oom.log = undefined;
    container.oomKilled = true;
    expect(await end(container, 0)).toEqual({ exitCode: 0, reason: 'OOMKilled' });
    expect(await end(sibling, 3)).toEqual({ exitCode: 3, reason: 'Error' });
  });

  it('is not watched any more when it has ended, was removed, or could not be started', async () => {
    const [first, second] = await two();
    await until('both are watched', () => rig.now.host.oom.watched.size === (tells ? 2 : 0));
    await end(first, 0);
    await until('the first is not watched', () => !rig.now.host.oom.watched.has(cgroupOf(first)));
    expect([...rig.now.host.oom.watched]).toEqual(tells ? [cgroupOf(second)] : []);
    await removeContainer(rig.now.deps, { containerId: second.metadata.id }, rig.now.call());
    rig.now.fake.fail('Tasks/Start', {});
    const { sandboxId } = first.metadata;
    await expect(runContainer(rig.now, sandboxId, { metadata: { name: 'c' } })).rejects.toThrow('made to fail');
    expect([...rig.now.host.oom.watched]).toEqual([]);
  });
});

describe('An OOM event', () => {
  it('of a container that only shares a limit with the one that was killed, as v1 sends it, is no kill', async () => {
    const [container] = await two();
    container.oomKilled = true;
    expect(await end(container, 137)).toEqual({ exitCode: 137, reason: 'Error' });
  });

  it('of a container in which another has cgroups of its own is a kill where the log says so, which v1 counts there', async () => {
    const [container, sibling] = await two();
    for (const each of [container, sibling]) each.oomKilled = true;
    rig.now.host.oom.log = [`${cgroupOf(container)}/docker/inner`];
    expect(await end(container, 1)).toEqual({ exitCode: 1, reason: 'OOMKilled' });
    expect(await end(sibling, 137)).toEqual({ exitCode: 137, reason: 'Error' });
  });

  it('of such a container counts no more where its cgroup has gone, unless it was killed', async () => {
    const [container, killed] = await two();
    rig.now.host.facts = { ...rig.now.host.facts, cgroup2: false };
    for (const each of [container, killed]) {
      rig.now.host.oom.counts.set(cgroupOf(each), undefined);
      each.oomKilled = true;
    }
    expect(await end(container, 0)).toEqual({ exitCode: 0, reason: 'Completed' });
    expect(await end(killed, 137)).toEqual({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('of a container in a virtual machine is all that is known of its kills', async () => {
    const request = podRequest({ linux: { cgroupParent: PARENT } }, 'kata');
    const { podSandboxId } = await runPodSandbox(rig.now.deps, request, rig.now.call());
    rig.now.host.oom.tells = true;
    const named = (name: string) => runContainer(rig.now, podSandboxId, { metadata: { name } });
    const [killed, other] = [await named('a'), await named('b')];
    expect([...rig.now.host.oom.watched]).toEqual([]); // of this machine's processes none is theirs
    rig.now.host.oom.counts.set(cgroupOf(other), 1);
    killed.oomKilled = true;
    expect(await end(killed, 137)).toEqual({ exitCode: 137, reason: 'OOMKilled' });
    expect(await end(other, 3)).toEqual({ exitCode: 3, reason: 'Error' });
  });

  it('that comes a moment after the exit still counts', async () => {
    const [container] = await two();
    rig.now.host.oom.counts.set(cgroupOf(container), undefined);
    const cgroups = rig.now.host.oom.cgroups.bind(rig.now.host.oom);
    rig.now.host.oom.cgroups = () => {
      setImmediate(() => {
        container.oomKilled = true;
      });
      return cgroups();
    };
    expect(await end(container, 137)).toEqual({ exitCode: 137, reason: 'OOMKilled' });
  });
});

describe('A start of crisp after a container was killed for memory', () => {
  let before: StoryRig;
  beforeEach(async () => {
    before = await StoryRig.start();
  });

  /** crisp is killed, `meanwhile` happens, and crisp starts again on a machine whose cgroups are gone. */
  async function restarted(containers: Container[], meanwhile: () => void): Promise<StoryRig> {
    before.deps.monitor.stop();
    meanwhile();
    const after = before.restarted();
    for (const each of containers) after.host.oom.counts.set(cgroupOf(each), undefined);
    after.host.oom.log = containers.slice(0, 1).map(({ metadata }) => `${PARENT}/${metadata.id}`);
    await askAndRecover(after.deps);
    return after;
  }

  async function done(after: StoryRig): Promise<void> {
    await removeAll(after);
    expect(await after.leftovers()).toEqual({});
    await after.close();
  }

  it('tells it by the kernel’s log, and of no sibling', async () => {
    const both = await two(before);
    const after = await restarted(both, () => {
      for (const { metadata } of both) before.fake.process(metadata.id).exit(137);
    });
    const reasons = both.map(({ metadata }) => after.deps.containers.get(metadata.id)?.status.reason);
    expect(reasons).toEqual(['OOMKilled', 'Error']);
    await done(after);
  });

  it('tells it also of one whose task is gone, so that its code is not known', async () => {
    const both = await two(before);
    const after = await restarted(both, () => {
      for (const { metadata } of both) before.fake.state.tasks.delete(metadata.id);
    });
    const told = both.map(({ metadata }) => after.deps.containers.get(metadata.id)?.status);
    expect(told.map((status) => [status?.exitCode, status?.reason])).toEqual([
      [255, 'OOMKilled'],
      [255, 'Unknown'],
    ]);
    await done(after);
  });

  it('knows of an event that containerd’s plugin has kept in the status file', async () => {
    const [container, sibling] = await two(before);
    await before.deps.containers.update(container, { reason: 'OOMKilled' });
    const after = await restarted([sibling, container], () => undefined);
    expect(await end(container, 0, after)).toEqual({ exitCode: 0, reason: 'OOMKilled' });
    await done(after);
  });

  it('watches what runs on, and knows of kills that came before', async () => {
    const [container] = await two(before);
    const after = before.restarted();
    after.host.oom.tells = true;
    after.host.oom.counts.set(cgroupOf(container), 1);
    await askAndRecover(after.deps);
    expect([...after.host.oom.watched]).toContain(cgroupOf(container));
    expect(await end(container, 0, after)).toEqual({ exitCode: 0, reason: 'OOMKilled' });
    await done(after);
  });
});

it('A container that was never started is not watched', async () => {
  rig.now.host.oom.tells = true;
  await makeContainer(rig.now, await runPod(rig.now));
  expect([...rig.now.host.oom.watched]).toEqual([]);
});
