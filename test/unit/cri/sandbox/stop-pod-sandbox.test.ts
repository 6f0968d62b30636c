import { PodSandboxState } from '../../../../generated/cri/v1/api';
import { startContainer } from '../../../../src/cri/container/start-container';
import { removePodSandbox } from '../../../../src/cri/sandbox/remove-pod-sandbox';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { Code } from '../../../../src/rpc/code';
import { toCriSandbox } from '../../../../src/state/cri-shapes';
import { arrange, callsOf, type OutwardCall, tryEach } from '../../../support/each-call';
import { AUTO, makeContainer, OWN_PIDS, runContainer, runPod } from '../../../support/story-pods';
import { type RigOptions, StoryRig } from '../../../support/story-rig';
import { ended, removeAll, useRig } from '../../../support/use-rig';

const rig = useRig();

function stop(podSandboxId: string, on = rig.now) {
  return stopPodSandbox(on.deps, { podSandboxId }, on.call());
}

function remove(podSandboxId: string, on = rig.now) {
  return removePodSandbox(on.deps, { podSandboxId }, on.call());
}

function stateOf(id: string): PodSandboxState | undefined {
  const sandbox = rig.now.deps.sandboxes.get(id);
  return sandbox && toCriSandbox(sandbox).state;
}

describe('StopPodSandbox', () => {
  it('takes network, namespace, tasks and /dev/shm away and keeps the records', async () => {
    const id = await runPod(rig.now);
    const container = await runContainer(rig.now, id);
    await stop(id);
    expect(stateOf(id)).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect(await rig.now.leftovers()).toEqual({
      containers: [id, container.metadata.id].sort(),
      snapshots: [`overlayfs ${id}`, `overlayfs ${container.metadata.id}`].sort(),
      leases: [id],
      sandboxesListed: [id],
      containersListed: [container.metadata.id],
      owners: [id],
      counts: ['2 names'],
      files: [
        `root/sandboxes/${id}.json`,
        `cri-root/sandboxes/${id}`,
        `cri-root/containers/${container.metadata.id}`,
        `cri-state/sandboxes/${id}`,
        `cri-state/containers/${container.metadata.id}`,
      ],
    });
  });

  it('deletes the tasks of the containers before that of the pause container', async () => {
    const id = await runPod(rig.now);
    const apps = [];
    for (const name of ['a', 'b', 'c'])
      apps.push((await runContainer(rig.now, id, { metadata: { name } })).metadata.id);
    await stop(id);
    expect(rig.now.deletedTasks.slice(0, 3).sort()).toEqual(apps.sort());
    expect(rig.now.deletedTasks.slice(3)).toEqual([id]);
  });

  it('waits for a container that is being started, and stops it before the pause container', async () => {
    const id = await runPod(rig.now);
    const { id: containerId } = (await makeContainer(rig.now, id)).metadata;
    let stopped: Promise<unknown> | undefined;
    const hit = (): void => {
      stopped = stop(id);
    };
    rig.now.fake.fail('Tasks/Create', { passes: true, hit });
    await startContainer(rig.now.deps, { containerId }, rig.now.call());
    await stopped;
    expect(rig.now.deletedTasks).toEqual([containerId, id]);
    expect(stateOf(id)).toBe(PodSandboxState.SANDBOX_NOTREADY);
  });

  it('lets no container start meanwhile', async () => {
    const id = await runPod(rig.now);
    await runContainer(rig.now, id, { metadata: { name: 'running' } });
    const { id: containerId } = (await makeContainer(rig.now, id, { metadata: { name: 'created' } })).metadata;
    let started: Promise<unknown> | undefined;
    const hit = (): void => {
      started = startContainer(rig.now.deps, { containerId }, rig.now.call());
      started.catch(() => undefined);
    };
    rig.now.fake.fail('Tasks/Kill', { passes: true, hit });
    await stop(id);
    await expect(started).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  });

  it('can be called again, and many times at once', async () => {
    const id = await runPod(rig.now);
    await Promise.all([stop(id), stop(id), stop(id)]);
    await stop(id);
    expect(stateOf(id)).toBe(PodSandboxState.SANDBOX_NOTREADY);
  });

  it('takes the network of a pod whose pause task has ended by itself', async () => {
    const id = await runPod(rig.now);
    rig.now.fake.process(id).exit(137);
    await ended(rig.now, id);
    await stop(id);
    expect({ attached: rig.now.networks.attached.size, netns: rig.now.host.netns.size }).toEqual({
      attached: 0,
      netns: 0,
    });
  });

  it('tells CNI that the namespace is gone when it is', async () => {
    const id = await runPod(rig.now);
    rig.now.host.netns.clear(); // a reboot
    await stop(id);
    expect(rig.now.networks.deletions).toEqual([expect.objectContaining({ sandboxId: id, netnsPath: '' })]);
  });

  it('keeps the namespace when CNI DEL fails, and goes on from there the next time', async () => {
    const id = await runPod(rig.now);
    rig.now.faults.fail('del');
    await expect(stop(id)).rejects.toThrow('del was made to fail');
    expect(rig.now.host.netns.size).toBe(1);
    await stop(id);
    expect(rig.now.host.netns.size).toBe(0);
  });

  it('looks again when a shim goes away while its last task is deleted, and only then', async () => {
    const id = await runPod(rig.now);
    const message = 'failed to delete task: ttrpc: closed';
    rig.now.fake.fail('Tasks/Delete', { code: Code.INTERNAL, message });
    await expect(stop(id)).rejects.toThrow(message);
    rig.now.fake.fail('Tasks/Delete', { code: Code.UNKNOWN, message });
    await stop(id);
    expect(stateOf(id)).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect(rig.now.deletedTasks).toEqual([id]);
  });

  it('is fine with a shim that has gone while the daemon still knows the task', async () => {
    const id = await runPod(rig.now);
    rig.now.fake.process(id).exit(137);
    await ended(rig.now, id);
    rig.now.fake.fail('Tasks/Kill', { code: Code.UNKNOWN, message: 'ttrpc: closed' });
    rig.now.fake.fail('Tasks/Delete', { code: Code.UNKNOWN, message: 'failed to delete task: ttrpc: closed' });
    await stop(id);
    expect(stateOf(id)).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect(rig.now.deletedTasks).toEqual([id]);
  });

  it('is fine with a pod that is not there, and refuses an empty id', async () => {
    await expect(stop('absent')).resolves.toEqual({});
    await expect(stop('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});

describe('RemovePodSandbox', () => {
  it('leaves nothing of a pod that runs, its containers neither', async () => {
    const id = await runPod(rig.now);
    await runContainer(rig.now, id);
    await makeContainer(rig.now, id, { metadata: { name: 'second' } });
    await remove(id);
    expect(await rig.now.leftovers()).toEqual({});
  });

  it('can be called many times at once, beside a stop', async () => {
    const id = await runPod(rig.now);
    await runContainer(rig.now, id);
    await Promise.all([remove(id), stop(id), remove(id)]);
    expect(await rig.now.leftovers()).toEqual({});
  });

  it('is fine with a pod that is not there, and refuses an empty id', async () => {
    await expect(remove('absent')).resolves.toEqual({});
    await expect(remove('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});

describe.each<[string, RigOptions]>([
  ['a daemon without a sandbox store', {}],
  ['a daemon with a sandbox store', { sandboxStore: true }],
  ['a daemon without a sandbox store, for a pod without a pause task', { config: AUTO }],
  ['a daemon with a sandbox store, for a pod without a pause task', { config: AUTO, sandboxStore: true }],
])('StopPodSandbox and RemovePodSandbox on %s', (_daemon, options) => {
  it('finish what a failed call has begun, whichever it was', async () => {
    const learner = await StoryRig.start(options);
    const id = await runPod(learner, OWN_PIDS);
    await runContainer(learner, id, OWN_PIDS);
    const calls = await callsOf(learner, async () => {
      await stop(id, learner);
      await remove(id, learner);
    });
    await learner.close();
    expect(calls.length).toBeGreaterThan(15);
    const found = await tryEach(calls, (call) => stopAndRemoveAgain(options, call));
    expect(found).toEqual([]);
  }, 60_000);
});

/** Stops and removes a pod although one call fails, then once more; what is wrong afterwards. */
async function stopAndRemoveAgain(options: RigOptions, call: OutwardCall): Promise<unknown[]> {
  const one = await StoryRig.start(options);
  try {
    const pod = await runPod(one, OWN_PIDS);
    await runContainer(one, pod, OWN_PIDS);
    arrange(one, call, 'is refused');
    const failed = await stop(pod, one)
      .then(() => remove(pod, one))
      .then(
        () => false,
        () => true,
      );
    const listed = one.deps.sandboxes.get(pod) !== undefined;
    one.heal();
    await removeAll(one);
    const left = await one.leftovers();
    const wrong = failed && !listed ? [{ call, failed, listed }] : [];
    return Object.keys(left).length > 0 ? [...wrong, { call, left }] : wrong;
  } finally {
    await one.close();
  }
}
