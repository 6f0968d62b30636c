import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { Options } from '../../../../generated/containerd/types/runc/options/oci';
import { ContainerState, NamespaceMode } from '../../../../generated/cri/v1/api';
import { startContainer } from '../../../../src/cri/container/start-container';
import { Code } from '../../../../src/rpc/code';
import { toCriContainerStatus } from '../../../../src/state/cri-shapes';
import { arrange, callsOf, MISHAPS, type Mishap, type OutwardCall, tryEach } from '../../../support/each-call';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { StoryRig } from '../../../support/story-rig';
import { ended, removeAll, useRig } from '../../../support/use-rig';

const rig = useRig();

describe('StartContainer in a pod with a user namespace', () => {
  const options = 'options = { SystemdCgroup = true, Root = "/run/crisp-runc" }';
  const shifted = useRig({ userns: true, config: `[containerd.runtimes.runc]\n${options}` });

  it('gives the streams to the root of the namespace, in options that repeat those of the handler', async () => {
    const ids = [{ containerId: 0, hostId: 100_000, length: 65_536 }];
    const usernsOptions = { mode: NamespaceMode.POD, uids: ids, gids: ids };
    const userns = { linux: { securityContext: { namespaceOptions: { usernsOptions } } } };
    const { metadata } = await runContainer(shifted.now, await runPod(shifted.now, userns), userns);
    const given = shifted.now.fake.state.tasks.get(metadata.id)?.options;
    expect(Options.decode(given?.value ?? Buffer.alloc(0))).toMatchObject({
      ioUid: 100_000,
      ioGid: 100_000,
      systemdCgroup: true,
      root: '/run/crisp-runc',
    });
  });

  it('gives no options to a container without one: the task has those of its record', async () => {
    const { metadata } = await runContainer(shifted.now, await runPod(shifted.now));
    expect(shifted.now.fake.state.tasks.get(metadata.id)?.options).toBeUndefined();
  });
});

describe('StartContainer', () => {
  it('makes a created container RUNNING', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    expect(toCriContainerStatus(container, () => undefined)).toMatchObject({
      state: ContainerState.CONTAINER_RUNNING,
      startedAt: expect.any(BigInt),
      finishedAt: 0n,
    });
    expect(container.status.pid).toBe(rig.now.fake.process(id).pid);
    expect(await rig.now.deps.containers.readStatus(id)).toEqual(container.status);
  });

  it('opens the log before the task is created', async () => {
    const pod = await runPod(rig.now, { logDirectory: '/logs' });
    const container = await runContainer(rig.now, pod, { logPath: 'app.log' });
    expect(rig.now.stdio.opened.get(container.metadata.id)).toMatchObject({ logPath: '/logs/app.log', tty: false });
  });

  it('makes the FIFOs that are not there: another program may have created the container', async () => {
    const container = await makeContainer(rig.now, await runPod(rig.now), { stdin: true });
    const { id } = container.metadata;
    rmSync(rig.now.deps.paths.io(id), { recursive: true });
    await startContainer(rig.now.deps, { containerId: id }, rig.now.call());
    const names = ['stdin', 'stdout', 'stderr'].map((stream) => join(rig.now.deps.paths.io(id), `${id}-${stream}`));
    expect(names.map((path) => statSync(path).isFIFO())).toEqual([true, true, true]);
  });

  it('is EXITED with the exit code when the process ends at once', async () => {
    const pod = await runPod(rig.now);
    rig.now.fake.world.onStart = (process) => process.exit(7);
    const container = await runContainer(rig.now, pod);
    await ended(rig.now, container.metadata.id);
    expect(container.status).toMatchObject({ exitCode: 7, reason: 'Error', message: '', pid: 0 });
    expect(container.status.finishedAt).toBeGreaterThan(0n);
    expect(rig.now.deletedTasks).toEqual([container.metadata.id]);
  });

  it('has started before it ended, however late the answer of its start comes', async () => {
    const pod = await runPod(rig.now);
    let endedAt = 0;
    rig.now.fake.world.onStart = (process) => {
      process.exit(0);
      endedAt = Date.now();
      while (Date.now() < endedAt + 20); // the daemon's answer takes so long, and the fake answers from this thread
    };
    const { metadata, status } = await runContainer(rig.now, pod);
    expect(status.startedAt).toBeLessThanOrEqual(BigInt(endedAt) * 1_000_000n);
    await ended(rig.now, metadata.id);
    const { createdAt, startedAt, finishedAt } = rig.now.deps.containers.get(metadata.id)?.status ?? status;
    expect([createdAt <= startedAt, startedAt <= finishedAt, startedAt]).toEqual([true, true, status.startedAt]);
  });

  it.each(['Tasks/Create', 'Tasks/Start'])(
    'is EXITED with StartError and the message when %s fails',
    async (method) => {
      const container = await makeContainer(rig.now, await runPod(rig.now));
      const { id } = container.metadata;
      rig.now.fake.fail(method, { code: Code.UNKNOWN, message: 'exec: "/app": no such file' });
      const starting = startContainer(rig.now.deps, { containerId: id }, rig.now.call());
      await expect(starting).rejects.toThrow('exec: "/app": no such file');
      expect(container.status).toMatchObject({ exitCode: 128, reason: 'StartError', pid: 0 });
      expect(container.status.message).toContain('exec: "/app": no such file');
      expect(container.status.finishedAt).toBeGreaterThan(0n);
      expect(await rig.now.deps.containers.readStatus(id)).toEqual(container.status);
    },
  );

  it('is EXITED with StartError, and nothing runs, when its start cannot be written down', async () => {
    const container = await makeContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    jest.spyOn(rig.now.deps.containers, 'writeStatus').mockRejectedValueOnce(full);
    await expect(startContainer(rig.now.deps, { containerId: id }, rig.now.call())).rejects.toThrow('ENOSPC');
    expect(container.status).toMatchObject({ exitCode: 128, reason: 'StartError', pid: 0 });
    expect(await rig.now.deps.containerd.tasks.get({ containerId: id })).toBeUndefined();
    expect(await rig.now.deps.stdio.list()).toEqual([]);
  });

  it('refuses a container that runs, and leaves it running', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const again = startContainer(rig.now.deps, { containerId: container.metadata.id }, rig.now.call());
    await expect(again).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    expect(container.status.finishedAt).toBe(0n);
  });

  it('starts once when it is called twice at the same time', async () => {
    const container = await makeContainer(rig.now, await runPod(rig.now));
    const start = () => startContainer(rig.now.deps, { containerId: container.metadata.id }, rig.now.call());
    const results = await Promise.allSettled([start(), start()]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(container.status).toMatchObject({ finishedAt: 0n });
  });

  it('refuses a container whose pod has ended', async () => {
    const pod = await runPod(rig.now);
    const container = await makeContainer(rig.now, pod);
    rig.now.fake.process(pod).exit(0);
    await ended(rig.now, pod);
    const starting = startContainer(rig.now.deps, { containerId: container.metadata.id }, rig.now.call());
    await expect(starting).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    expect(container.status.finishedAt).toBe(0n);
  });

  it.each([
    ['', Code.INVALID_ARGUMENT],
    ['absent', Code.NOT_FOUND],
  ])('refuses the id "%s"', async (containerId, code) => {
    await expect(startContainer(rig.now.deps, { containerId }, rig.now.call())).rejects.toMatchObject({ code });
  });

  it.each(MISHAPS)(
    'leaves no task and no open stdio, whichever call %s',
    async (mishap) => {
      const learner = await StoryRig.start();
      const { id } = (await makeContainer(learner, await runPod(learner))).metadata;
      const calls = await callsOf(learner, () => startContainer(learner.deps, { containerId: id }, learner.call()));
      await learner.close();
      expect(calls.length).toBeGreaterThan(4);
      expect(await tryEach(calls, (call) => outcome(call, mishap))).toEqual([]);
    },
    60_000,
  );
});

/** Starts a container with one mishap; what is wrong afterwards. */
async function outcome(call: OutwardCall, mishap: Mishap): Promise<unknown[]> {
  const one = await StoryRig.start();
  try {
    const pod = await runPod(one);
    const container = await makeContainer(one, pod);
    const { id } = container.metadata;
    const signal = arrange(one, call, mishap);
    const started = await startContainer(one.deps, { containerId: id }, one.call(signal)).then(
      () => true,
      () => false,
    );
    one.heal();
    const at = `${call.name} ${call.nth}`;
    const wrong: unknown[] = [];
    const { reason, exitCode, startedAt, finishedAt } = container.status;
    const seen = { reason, exitCode, runs: startedAt !== 0n && finishedAt === 0n };
    const tasks = one.fake.leftovers().tasks ?? [];
    if (started !== seen.runs) wrong.push({ at, started, seen });
    if (!started && (tasks.includes(id) || one.stdio.opened.has(id))) wrong.push({ at, tasks });
    if (!started && (reason !== 'StartError' || exitCode !== 128)) wrong.push({ at, seen });
    await removeAll(one);
    const left = await one.leftovers();
    return Object.keys(left).length > 0 ? [...wrong, { at, left }] : wrong;
  } finally {
    await one.close();
  }
}
