import { containerStatus } from '../../../src/cri/container/container-status';
import { removeContainer } from '../../../src/cri/container/remove-container';
import { startContainer } from '../../../src/cri/container/start-container';
import { stopContainer } from '../../../src/cri/container/stop-container';
import { type ContainerState, containerState } from '../../../src/model/container';
import { Code } from '../../../src/rpc/code';
import { makeContainer, runPod } from '../../support/story-pods';
import { until } from '../../support/streaming/until';
import { useRig } from '../../support/use-rig';

const rig = useRig();

const stateOf = (id: string): ContainerState | undefined => {
  const container = rig.now.deps.containers.get(id);
  return container && containerState(container.status);
};

/** A container whose start fails, and whose task cannot be deleted as long as nothing is healed. */
async function failedStart(): Promise<string> {
  const { id } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
  rig.now.fake.fail('Tasks/Start', { code: Code.UNKNOWN, message: 'no such program' });
  rig.now.fake.fail('Tasks/Delete', { nth: 'always', code: Code.DEADLINE_EXCEEDED, message: 'the shim hangs' });
  await expect(startContainer(rig.now.deps, { containerId: id }, rig.now.call())).rejects.toThrow('no such program');
  return id;
}

async function whatIsTold(id: string) {
  const { status } = await containerStatus(rig.now.deps, { containerId: id, verbose: false }, rig.now.call());
  return [status?.reason, status?.exitCode, status?.message];
}

describe('A container whose start failed and whose task could not be deleted', () => {
  it('is UNKNOWN, so that kubelet kills it before it starts another, and EXITED once the task is gone', async () => {
    const id = await failedStart();
    expect(stateOf(id)).toBe('UNKNOWN');
    expect(rig.now.fake.state.tasks.has(id)).toBe(true);
    rig.now.heal();
    await until('its task is deleted', () => stateOf(id) === 'EXITED');
    expect(rig.now.fake.state.tasks.has(id)).toBe(false);
    expect(await whatIsTold(id)).toEqual(['StartError', 128, expect.stringContaining('no such program')]);
  });

  it('cannot be stopped while its task cannot be deleted, and then says why its start failed', async () => {
    const id = await failedStart();
    const stop = (): Promise<unknown> =>
      stopContainer(rig.now.deps, { containerId: id, timeout: 0n }, rig.now.call(AbortSignal.timeout(3000)));
    await expect(stop()).rejects.toThrow();
    expect(stateOf(id)).toBe('UNKNOWN');
    rig.now.heal();
    await stop();
    expect(await whatIsTold(id)).toEqual(['StartError', 128, expect.stringContaining('no such program')]);
  });

  it('can be removed when its task can be deleted again', async () => {
    const id = await failedStart();
    rig.now.heal();
    await removeContainer(rig.now.deps, { containerId: id }, rig.now.call());
    expect(stateOf(id)).toBeUndefined();
    expect(rig.now.fake.state.tasks.has(id)).toBe(false);
  });
});

it('A container whose start failed and whose task is gone is EXITED at once', async () => {
  const { id } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
  rig.now.fake.fail('Tasks/Start', { code: Code.UNKNOWN, message: 'no such program' });
  await expect(startContainer(rig.now.deps, { containerId: id }, rig.now.call())).rejects.toThrow('no such program');
  expect(stateOf(id)).toBe('EXITED');
});

it('A container whose task can never be created is EXITED by a stop, and can be removed, when nothing of it runs', async () => {
  const { id } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
  rig.now.fake.fail('Tasks/Create', { nth: 'always', code: Code.DEADLINE_EXCEEDED, message: 'the volume hangs' });
  await expect(startContainer(rig.now.deps, { containerId: id }, rig.now.call())).rejects.toThrow('the volume hangs');
  await stopContainer(rig.now.deps, { containerId: id, timeout: 0n }, rig.now.call());
  expect(await whatIsTold(id)).toEqual(['StartError', 128, expect.stringContaining('the volume hangs')]);
  await removeContainer(rig.now.deps, { containerId: id }, rig.now.call());
  expect(stateOf(id)).toBeUndefined();
});
