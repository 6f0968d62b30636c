import { removeContainer } from '../../../../src/cri/container/remove-container';
import { startContainer } from '../../../../src/cri/container/start-container';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { Code } from '../../../../src/rpc/code';
import { arrange, callsOf, type OutwardCall, tryEach } from '../../../support/each-call';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { StoryRig } from '../../../support/story-rig';
import { removeAll, useRig } from '../../../support/use-rig';

const rig = useRig();

function remove(containerId: string, on = rig.now) {
  return removeContainer(on.deps, { containerId }, on.call());
}

describe('RemoveContainer', () => {
  it.each([
    ['was created', makeContainer],
    ['runs', runContainer],
  ])('leaves nothing of a container that %s', async (_state, make) => {
    const pod = await runPod(rig.now);
    const before = await rig.now.leftovers();
    const { id } = (await make(rig.now, pod)).metadata;
    await remove(id);
    expect(await rig.now.leftovers()).toEqual(before);
  });

  it('kills with SIGKILL what runs, and does not ask first', async () => {
    const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
    const process = rig.now.fake.process(id);
    await remove(id);
    expect(process.signals).toEqual([9]);
  });

  it('can be called many times at once', async () => {
    const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
    await expect(Promise.all([remove(id), remove(id), remove(id)])).resolves.toEqual([{}, {}, {}]);
    expect(rig.now.deps.containers.list()).toEqual([]);
  });

  it('kills a task that runs though the container is known to have ended', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    rig.now.deps.containers.updateInMemory(container, { finishedAt: 1n, exitCode: 255, reason: 'Unknown' });
    await remove(id);
    expect(await rig.now.deps.containerd.tasks.get({ containerId: id })).toBeUndefined();
    expect(rig.now.deps.containers.list()).toEqual([]);
  });

  it('ends what still works at one whose start the daemon did not survive, also when its pod is gone', async () => {
    const pod = await runPod(rig.now);
    const container = await makeContainer(rig.now, pod);
    const { id } = container.metadata;
    container.halfMade = true;
    rig.now.host.makers.add(id);
    rig.now.host.strays.add(id);
    await stopPodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    await remove(id);
    expect([...rig.now.host.makers, ...rig.now.host.strays]).toEqual([]);
    expect(rig.now.host.deletedFromRuntime).toMatchObject([{ id }]);
    // The pod's: another one would bring a shim that stays.
    expect(rig.now.fake.calls.filter((call) => call.endsWith('Tasks/Create'))).toHaveLength(1);
  });

  it('gives the name free', async () => {
    const pod = await runPod(rig.now);
    const first = await makeContainer(rig.now, pod);
    await remove(first.metadata.id);
    const second = await makeContainer(rig.now, pod, { command: ['/other'] });
    expect(second.metadata.name).toBe(first.metadata.name);
  });

  it('refuses a container that is being started', async () => {
    const { id } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
    let removing: Promise<unknown> = Promise.resolve();
    const begun = new Promise<void>((resolve) => {
      rig.now.fake.fail('Tasks/Start', {
        passes: true,
        hit: () => {
          removing = remove(id).catch((error: unknown) => error);
          resolve();
        },
      });
    });
    await startContainer(rig.now.deps, { containerId: id }, rig.now.call());
    await begun;
    expect(await removing).toMatchObject({ code: Code.FAILED_PRECONDITION });
  });

  it('is fine with a container that is not there, and refuses an empty id', async () => {
    await expect(remove('absent')).resolves.toEqual({});
    await expect(remove('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  it.each([
    ['ends the task whose start nobody answered', 'Tasks/Start', 'Tasks/Kill', 0],
    [
      'makes a task once more that the daemon forgot while it was made, or its shim would stay',
      'Tasks/Create',
      'Tasks/Get',
      1,
    ],
  ])('%s, and that could not be taken back', async (_what, failing, undo, creations) => {
    const { fake, deps } = rig.now;
    const { id } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
    fake.fail(failing, { afterEffect: failing === 'Tasks/Start' });
    fake.fail(undo, { nth: 'always' });
    await expect(startContainer(deps, { containerId: id }, rig.now.call())).rejects.toThrow('made to fail');
    fake.heal();
    const before = fake.calls.length;
    await remove(id);
    expect(fake.state.tasks.has(id)).toBe(false);
    expect(fake.calls.slice(before).filter((name) => name.endsWith('Tasks/Create'))).toHaveLength(creations);
  });

  it('keeps the container listed when a call fails, and removes it when it is asked again', async () => {
    const learner = await StoryRig.start();
    const { id } = (await runContainer(learner, await runPod(learner))).metadata;
    const calls = await callsOf(learner, () => remove(id, learner));
    await learner.close();
    expect(calls.length).toBeGreaterThan(5);
    const found = await tryEach(calls, removeAgain);
    expect(found).toEqual([]);
  });
});

/** Removes a container although one call fails, then once more; what is wrong afterwards. */
async function removeAgain(call: OutwardCall): Promise<unknown[]> {
  const one = await StoryRig.start();
  try {
    const { id } = (await runContainer(one, await runPod(one))).metadata;
    arrange(one, call, 'is refused');
    const removed = await remove(id, one).then(
      () => true,
      () => false,
    );
    const listed = one.deps.containers.get(id) !== undefined;
    one.heal();
    await remove(id, one);
    await removeAll(one);
    const left = await one.leftovers();
    const wrong = removed === listed ? [{ call, removed, listed }] : [];
    return Object.keys(left).length > 0 ? [...wrong, { call, left }] : wrong;
  } finally {
    await one.close();
  }
}
