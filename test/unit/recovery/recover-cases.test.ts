import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Status } from '../../../generated/containerd/types/task/task';
import { NamespaceMode } from '../../../generated/cri/v1/api';
import { startContainer } from '../../../src/cri/container/start-container';
import { stopPodSandbox } from '../../../src/cri/sandbox/stop-pod-sandbox';
import { type ContainerStatus, containerState } from '../../../src/model/container';
import { Code } from '../../../src/rpc/code';
import { askAndRecover } from '../../support/ask-and-recover';
import { makeContainer, runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { until } from '../../support/streaming/until';
import { ended, removeAll } from '../../support/use-rig';

const STARTED = 1_700_000_000_000_000_000n;

let rig: StoryRig;
let pod: string;
beforeEach(async () => {
  rig = await StoryRig.start();
  pod = await runPod(rig);
});
afterEach(async () => {
  rig.heal();
  await removeAll(rig);
  expect(await rig.leftovers()).toEqual({});
  await rig.close();
});

async function restart(): Promise<void> {
  rig = rig.restarted();
  rig.host.startedAt = async () => STARTED;
  await askAndRecover(rig.deps);
}

const podState = (): string | undefined => rig.deps.sandboxes.get(pod)?.status.state;
const hasTask = (id: string): boolean => rig.fake.state.tasks.has(id);
const statusFile = (id: string): string => join(rig.deps.paths.containerRoot(id), 'status');

function statusOf(id: string): ContainerStatus {
  const container = rig.deps.containers.get(id);
  if (!container) throw new Error(`container ${id} is not listed`);
  return container.status;
}

const stateOf = (id: string): string => containerState(statusOf(id));

describe('A pod is found', () => {
  it.each([Status.RUNNING, Status.PAUSED, Status.PAUSING])('READY when the task is %i, and watched', async (status) => {
    rig.fake.process(pod).status = status;
    await restart();
    expect(podState()).toBe('READY');
    rig.fake.process(pod).exit(1);
    await ended(rig, pod);
    expect(podState()).toBe('NOTREADY');
  });

  it('NOTREADY when the task was never started, which is deleted', async () => {
    rig.fake.process(pod).status = Status.CREATED;
    await restart();
    expect([podState(), hasTask(pod)]).toEqual(['NOTREADY', false]);
  });

  it('NOTREADY without a task', async () => {
    rig.fake.state.tasks.delete(pod);
    await restart();
    expect(podState()).toBe('NOTREADY');
    expect(rig.deps.sandboxes.get(pod)?.status.pid).toBe(0);
  });

  it.each([
    ['its own', NamespaceMode.POD],
    ["the node's", NamespaceMode.NODE],
  ])('NOTREADY, and left alone, when it was stopped, on %s network', async (_what, network) => {
    pod = await runPod(rig, {
      metadata: { name: 'stopped', namespace: 'default', uid: 'stopped', attempt: 0 },
      linux: { securityContext: { namespaceOptions: { network } } },
    });
    await stopPodSandbox(rig.deps, { podSandboxId: pod }, rig.call());
    const created = (): number => rig.fake.calls.filter((call) => call.endsWith('Tasks/Create')).length;
    const before = created();
    await restart();
    expect([podState(), created()]).toEqual(['NOTREADY', before]);
  });

  it('READY, in doubt and let live, when containerd does not hear from the shim', async () => {
    rig.fake.process(pod).status = Status.UNKNOWN;
    await restart();
    expect([podState(), rig.deps.sandboxes.get(pod)?.doubt]).toEqual(['READY', 'its shim does not answer']);
    rig.fake.process(pod).status = Status.RUNNING;
    expect(rig.fake.process(pod).signals).toEqual([]);
    await until('the doubt is over', () => rig.deps.sandboxes.get(pod)?.doubt === undefined);
    expect(rig.deps.sandboxes.get(pod)?.status.pid).toBe(rig.fake.process(pod).pid);
  });

  it('READY when only Get says that there is no task, while its processes and its shim run', async () => {
    rig = rig.restarted();
    for (const method of ['Get', 'Wait']) rig.fake.fail(`Tasks/${method}`, { nth: 'always', code: Code.NOT_FOUND });
    rig.fake.fail('Tasks/List', { nth: 'always', code: Code.NOT_FOUND });
    await askAndRecover(rig.deps);
    expect(podState()).toBe('READY');
    expect(rig.fake.process(pod).signals).toEqual([]);
    rig.heal();
    await until('the doubt is over', () => rig.deps.sandboxes.get(pod)?.doubt === undefined);
    expect(podState()).toBe('READY');
  });
});

describe('A container is found', () => {
  it('CREATED when it was never started, and can be', async () => {
    const { id } = (await makeContainer(rig, pod)).metadata;
    await restart();
    expect(stateOf(id)).toBe('CREATED');
    await startContainer(rig.deps, { containerId: id }, rig.call());
    expect(stateOf(id)).toBe('RUNNING');
  });

  it('CREATED when its task was not started any more, which is deleted; it can be started', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    const container = rig.deps.containers.get(id);
    if (container) await rig.deps.containers.update(container, { startedAt: 0n, pid: 0 });
    rig.fake.process(id).status = Status.CREATED;
    await restart();
    expect([stateOf(id), hasTask(id)]).toEqual(['CREATED', false]);
    await startContainer(rig.deps, { containerId: id }, rig.call());
  });

  it('EXITED with a code that says that nobody knows when it ran and has no task', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    rig.fake.state.tasks.delete(id);
    rig = rig.restarted();
    rig.host.strays.add(id); // what a dead shim leaves behind
    await askAndRecover(rig.deps);
    expect([...rig.host.strays]).toEqual([]);
    expect(rig.host.deletedFromRuntime.map((each) => each.id)).toEqual([id]);
    expect(statusOf(id)).toMatchObject({ exitCode: 255, reason: 'Unknown', pid: 0 });
    expect(stateOf(id)).toBe('EXITED');
  });

  it.each([Status.RUNNING, Status.PAUSED, Status.PAUSING])('RUNNING as before when its task is %i', async (status) => {
    const before = (await runContainer(rig, pod)).metadata.id;
    const { startedAt } = statusOf(before);
    rig.fake.process(before).status = status;
    await restart();
    expect([stateOf(before), statusOf(before).startedAt]).toEqual(['RUNNING', startedAt]);
  });

  it('RUNNING since its process started when it was not written down that it has', async () => {
    const container = await runContainer(rig, pod);
    await rig.deps.containers.update(container, { createdAt: STARTED - 1n, startedAt: 0n, pid: 0 });
    await restart();
    const { id } = container.metadata;
    expect([stateOf(id), statusOf(id).startedAt]).toEqual(['RUNNING', STARTED]);
    rig.fake.process(id).exit(3);
    await ended(rig, id);
    expect(statusOf(id).exitCode).toBe(3);
  });

  it('RUNNING when its task is, whatever was written', async () => {
    const container = await runContainer(rig, pod);
    const { id } = container.metadata;
    await rig.deps.containers.update(container, { finishedAt: STARTED, exitCode: 1, reason: 'Error' });
    await restart();
    expect(stateOf(id)).toBe('RUNNING');
    expect(statusOf(id)).toMatchObject({ finishedAt: 0n, exitCode: 0, reason: '' });
  });

  it('EXITED with the true code and time when it ended meanwhile; its task is deleted', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    const old = rig;
    rig = old.restarted();
    rig.fake.process(id).exit(7);
    const at = rig.fake.process(id).exitedAt;
    await askAndRecover(rig.deps);
    expect(statusOf(id)).toMatchObject({ exitCode: 7, reason: 'Error' });
    expect(statusOf(id).finishedAt / 1_000_000_000n).toBe(at?.seconds);
    expect(hasTask(id)).toBe(false);
  });

  it('EXITED, with a start, when crisp died before its start was written down and it ended meanwhile', async () => {
    const container = await runContainer(rig, pod);
    const { id } = container.metadata;
    await rig.deps.containers.update(container, { startedAt: 0n, pid: 0 });
    rig = rig.restarted();
    rig.fake.process(id).exit(7);
    await askAndRecover(rig.deps);
    const { createdAt, startedAt, finishedAt, exitCode } = statusOf(id);
    expect([exitCode, startedAt >= createdAt, finishedAt >= startedAt]).toEqual([7, true, true]);
  });

  it('EXITED with the times of its failed start while a task that was never started is deleted', async () => {
    const container = await runContainer(rig, pod);
    const { id } = container.metadata;
    const { createdAt } = container.status;
    const times = { startedAt: createdAt + 1n, finishedAt: createdAt + 2n };
    await rig.deps.containers.update(container, { ...times, exitCode: 128, reason: 'StartError' });
    rig.fake.process(id).status = Status.CREATED;
    await restart();
    expect([stateOf(id), hasTask(id)]).toEqual(['EXITED', false]);
    expect(statusOf(id)).toMatchObject(times);
  });

  it('EXITED when it ended meanwhile and its task cannot be deleted yet, which is tried again', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    rig = rig.restarted();
    rig.fake.process(id).exit(7);
    rig.fake.fail('Tasks/Delete', { code: Code.DEADLINE_EXCEEDED });
    await askAndRecover(rig.deps);
    expect(statusOf(id)).toMatchObject({ exitCode: 7, reason: 'Error' });
    await until('its task is gone', () => !hasTask(id));
    expect(statusOf(id)).toMatchObject({ exitCode: 7, reason: 'Error' });
  });

  it.each([
    ['is gone', (path: string) => rmSync(path)],
    ['is torn', (path: string) => writeFileSync(path, '{"Version":"v1","Pid":12')],
    ['is empty', (path: string) => writeFileSync(path, '')],
  ])('by its task when its status file %s', async (_how, spoil) => {
    const [runs, ran, waits] = await Promise.all(
      ['a', 'b'].map((name) => runContainer(rig, pod, { metadata: { name } })).concat(makeContainer(rig, pod)),
    );
    const ids = [runs, ran, waits].map((each) => each?.metadata.id ?? '');
    for (const id of ids) spoil(statusFile(id));
    rig = rig.restarted();
    rig.fake.process(ids[1] ?? '').exit(5);
    await askAndRecover(rig.deps);
    expect(ids.map(stateOf)).toEqual(['RUNNING', 'EXITED', 'CREATED']);
    expect(statusOf(ids[1] ?? '').exitCode).toBe(5);
    for (const id of ids) expect(statusOf(id).createdAt).toBeGreaterThan(0n);
  });

  it('RUNNING, in doubt and let live, when containerd does not hear from the shim', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    rig.fake.process(id).status = Status.UNKNOWN;
    await restart();
    expect([stateOf(id), rig.deps.containers.get(id)?.doubt]).toEqual(['RUNNING', 'its shim does not answer']);
    rig.fake.process(id).status = Status.RUNNING;
    expect(rig.fake.process(id).signals).toEqual([]);
    await until('the doubt is over', () => rig.deps.containers.get(id)?.doubt === undefined);
    await until('its stdio is open', () => rig.stdio.opened.has(id));
  });

  it('UNKNOWN when nothing is known of it: no status file, no answer, no process', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    rmSync(statusFile(id));
    rig.fake.process(id).status = Status.UNKNOWN;
    rig = rig.restarted();
    rig.host.running = () => [];
    await askAndRecover(rig.deps);
    expect(stateOf(id)).toBe('UNKNOWN');
    rig.fake.process(id).status = Status.RUNNING;
    await until('it is known', () => stateOf(id) === 'RUNNING');
  });

  it('EXITED by its status file, whatever the tasks service does', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    rig.fake.process(id).exit(7);
    await ended(rig, id);
    rig = rig.restarted();
    rig.fake.fail('Tasks/List', {});
    rig.fake.fail('Tasks/Get', { nth: 2 });
    rig.fake.fail('Tasks/Get', { nth: 3 });
    await askAndRecover(rig.deps);
    expect([stateOf(id), statusOf(id).exitCode]).toEqual(['EXITED', 7]);
  });

  it('EXITED on a full disk too, when its task has vanished', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    rig.fake.state.tasks.delete(id);
    rig = rig.restarted();
    const write = jest.spyOn(rig.deps.containers, 'writeStatus').mockRejectedValue(new Error('ENOSPC'));
    await askAndRecover(rig.deps);
    expect([stateOf(id), statusOf(id).exitCode]).toEqual(['EXITED', 255]);
    write.mockRestore();
    await until('it is on disk', () => rig.deps.containers.get(id)?.unsaved === false);
  });
});

describe('After a reboot', () => {
  it('pods are NOTREADY, containers EXITED, and all can be stopped and removed', async () => {
    const { id } = (await runContainer(rig, pod)).metadata;
    rig.fake.state.tasks.clear();
    rig.host.netns.clear();
    rig.host.mounts.clear();
    rmSync(join(rig.dir, 'cri-state'), { recursive: true });
    const old = rig;
    rig = old.restarted();
    await askAndRecover(rig.deps);
    expect([podState(), stateOf(id)]).toEqual(['NOTREADY', 'EXITED']);
    expect([...rig.networks.attached.keys()]).toEqual([pod]);
  });
});
