import { mkdirSync, rmSync } from 'node:fs';
import { containerState } from '../../../src/model/container';
import { askDaemon, recover } from '../../../src/recovery/recover';
import { askAndRecover } from '../../support/ask-and-recover';
import type { Failure } from '../../support/fake/failpoints';
import { makeContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { until } from '../../support/streaming/until';
import { removeAll } from '../../support/use-rig';

let before: StoryRig;
let after: StoryRig;
beforeEach(async () => {
  before = await StoryRig.start();
});
afterEach(async () => {
  await removeAll(after);
  expect(await after.leftovers()).toEqual({});
  await after.close();
});

/** The stdio process has lived on. */
async function restart(id: string): Promise<void> {
  after = before.restarted();
  await after.deps.stdio.open({ id, tty: false, logPath: '', maxLineBytes: 0 });
  await askAndRecover(after.deps);
}

/** A container whose start had opened its stdio when its server died. */
async function startCutOff(): Promise<string> {
  const { metadata } = await makeContainer(before, await runPod(before));
  return metadata.id;
}

describe('A container whose start was cut off by the death of its server', () => {
  it('is CREATED, has no task and no open stdio, so that it can be started again', async () => {
    const id = await startCutOff();
    await before.deps.containerd.tasks.create({ containerId: id, rootfs: [] });
    await restart(id);
    const found = after.deps.containers.get(id);
    expect(found && containerState(found.status)).toBe('CREATED');
    expect(await after.deps.containerd.tasks.get({ containerId: id })).toBeUndefined();
    expect(await after.deps.stdio.list()).toEqual([]);
  });

  it('is forgotten by the OCI runtime when only that knows it', async () => {
    const id = await startCutOff();
    before.fake.fail('Tasks/Create', {
      code: 2,
      message: 'runc create failed: container with given ID already exists',
    });
    await restart(id);
    expect(after.host.deletedFromRuntime).toEqual([{ program: 'runc', root: '/run/containerd/runc/k8s.io', id }]);
    expect(await after.deps.containerd.tasks.get({ containerId: id })).toBeUndefined();
    expect(await after.deps.stdio.list()).toEqual([]);
  });

  it.each<[string, Failure]>([
    ['the shim has had its directory taken away', { code: 2, message: 'failed to start shim: getwd: no such file' }],
    ['the daemon is still putting away', { code: 2, message: 'mkdir /run/task/k8s.io/1: file exists' }],
    ['the shim that it finds is just going', { code: 2, message: 'failed to create shim task: ttrpc: closed' }],
    ['the shim that it finds does not answer', { code: 4, message: 'context deadline exceeded' }],
  ])('is tried again when %s', async (_, failure) => {
    const id = await startCutOff();
    before.fake.fail('Tasks/Create', failure);
    await restart(id);
    expect(before.fake.calls.filter((call) => call.endsWith('Tasks/Create'))).toHaveLength(3); // one was the pod's
    expect(await after.deps.containerd.tasks.get({ containerId: id })).toBeUndefined();
    expect(after.host.deletedFromRuntime).toEqual([]);
  });

  it('is waited for by who asks for it, however long the daemon puts it away, and not by a start', async () => {
    const id = await startCutOff();
    let tries = 0;
    const message = 'mkdir /run/task/k8s.io/1: file exists';
    before.fake.fail('Tasks/Create', { nth: 'always', code: 2, message, hit: () => (tries += 1) });
    after = before.restarted();
    const { deps } = after;
    await deps.stdio.open({ id, tty: false, logPath: '', maxLineBytes: 0 });
    await recover(deps, await askDaemon(deps));
    expect(deps.containers.get(id)?.metadata.id).toBe(id);
    await until('more tries than for anything else', () => tries > 6);
    expect(deps.locks.isHeld(id)).toBe(true);
    before.fake.heal();
    (await deps.locks.hold(id)).release();
    expect([await deps.stdio.list(), deps.containers.get(id)?.halfMade]).toEqual([[], false]);
  });

  it('has nothing left that works at its task', async () => {
    const id = await startCutOff();
    after = before.restarted();
    after.host.makers.add(id);
    after.host.strays.add(id);
    await after.deps.stdio.open({ id, tty: false, logPath: '', maxLineBytes: 0 });
    await askAndRecover(after.deps);
    expect([...after.host.makers, ...after.host.strays]).toEqual([]);
  });

  it('is cleared by what the machine tells when the daemon can never put its directory away', async () => {
    const id = await startCutOff();
    before.fake.fail('Tasks/Create', { nth: 'always', code: 2, message: `mkdir /run/task/k8s.io/${id}: file exists` });
    after = before.restarted();
    const { deps, host } = after;
    const dirs = [id, `.${id}`].map((name) => deps.paths.bundle(name));
    for (const dir of dirs) mkdirSync(dir, { recursive: true });
    host.strays.add(id);
    await deps.stdio.open({ id, tty: false, logPath: '', maxLineBytes: 0 });
    await askAndRecover(deps);
    for (const dir of dirs) rmSync(dir, { recursive: true });
    expect([...host.strays, deps.containers.get(id)?.halfMade]).toEqual([false]);
    expect(host.deletedFromRuntime).toMatchObject([{ id }]);
  });

  it('is listed all the same when that cannot be cleared, after some seconds', async () => {
    const id = await startCutOff();
    before.fake.fail('Tasks/Create', { nth: 'always', code: 2, message: 'fork/exec: no such file or directory' });
    await restart(id);
    expect(before.fake.calls.filter((call) => call.endsWith('Tasks/Create')).length).toBeGreaterThan(1 + 2);
    expect(after.deps.containers.get(id)?.halfMade).toBe(true); // its removal tries again
  });

  it('is left alone when nothing of a start is open', async () => {
    const { metadata } = await makeContainer(before, await runPod(before));
    before.fake.fail('Tasks/Create', { hit: () => expect(metadata.id).toBe('never tried') });
    after = before.restarted();
    await askAndRecover(after.deps);
    expect(after.host.deletedFromRuntime).toEqual([]);
  });
});
