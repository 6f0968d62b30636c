import { ContainerState } from '../../../../generated/cri/v1/api';
import { containerStatus } from '../../../../src/cri/container/container-status';
import { startContainer } from '../../../../src/cri/container/start-container';
import { stopContainer } from '../../../../src/cri/container/stop-container';
import { Code } from '../../../../src/rpc/code';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { APP_IMAGE } from '../../../support/story-rig';
import { ended, useRig } from '../../../support/use-rig';

const rig = useRig();
const ask = (containerId: string, verbose = false) =>
  containerStatus(rig.now.deps, { containerId, verbose }, rig.now.call());

describe('ContainerStatus', () => {
  it('has the times that a state has, and no others', async () => {
    const container = await makeContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    expect((await ask(id)).status).toMatchObject({ startedAt: 0n, finishedAt: 0n, reason: '' });
    await startContainer(rig.now.deps, { containerId: id }, rig.now.call());
    const { status: running } = await ask(id);
    expect(running).toMatchObject({ state: ContainerState.CONTAINER_RUNNING, finishedAt: 0n });
    expect(running?.startedAt).toBeGreaterThanOrEqual(running?.createdAt ?? 0n);
    rig.now.fake.process(id).exit(3);
    await ended(rig.now, id);
    const { status } = await ask(id);
    expect(status).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 3, reason: 'Error' });
    expect(status?.finishedAt).toBeGreaterThanOrEqual(status?.startedAt ?? 0n);
  });

  it('finds a container by the beginning of its id, as far as only one has it', async () => {
    const pod = await runPod(rig.now);
    const { id } = (await makeContainer(rig.now, pod)).metadata;
    expect((await ask(id.slice(0, 12))).status?.id).toBe(id);
    const other = { ...rig.now.deps.containers.get(id), metadata: { id: `${id.slice(0, 12)}x` } } as never;
    rig.now.deps.containers.add(other);
    await expect(ask(id.slice(0, 12))).rejects.toMatchObject({ name: 'AmbiguousId' });
    rig.now.deps.containers.delete(`${id.slice(0, 12)}x`);
  });

  it('names its image as it is called now, and by its id once it has no name', async () => {
    const { id, imageRef } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
    expect((await ask(id)).status).toMatchObject({ image: { image: APP_IMAGE }, imageId: imageRef });
    rig.now.fake.state.images.delete(APP_IMAGE);
    await rig.now.deps.images.resync();
    expect((await ask(id)).status).toMatchObject({ image: { image: imageRef }, imageRef, imageId: imageRef });
  });

  it('tells the record when asked for more, under the keys of containerd’s plugin', async () => {
    const pod = await runPod(rig.now);
    const { id } = (await runContainer(rig.now, pod)).metadata;
    expect((await ask(id)).info).toEqual({});
    const { info } = await ask(id, true);
    expect(JSON.parse(info.info ?? '')).toEqual({
      sandboxID: pod,
      pid: rig.now.fake.process(id).pid,
      removing: false,
      snapshotKey: id,
      snapshotter: 'overlayfs',
      runtimeType: 'io.containerd.runc.v2',
      runtimeOptions: {},
      config: expect.objectContaining({ metadata: { name: 'app' } }),
      runtimeSpec: expect.objectContaining({ process: expect.objectContaining({ args: ['/app'] }) }),
    });
  });

  it('says nothing of a record that is gone, which is no failure', async () => {
    const { id } = (await makeContainer(rig.now, await runPod(rig.now))).metadata;
    const record = rig.now.fake.state.containers.get(id);
    rig.now.fake.state.containers.delete(id);
    const { info } = await ask(id, true);
    expect(JSON.parse(info.info ?? '')).toMatchObject({ snapshotKey: '' });
    if (record) rig.now.fake.state.containers.set(id, record);
  });

  it('is UNKNOWN for one that recovery could not tell of, until it is stopped', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    rig.now.deps.monitor.unwatch(id);
    rig.now.deps.containers.updateInMemory(container, { unknown: true });
    expect((await ask(id)).status?.state).toBe(ContainerState.CONTAINER_UNKNOWN);
    await stopContainer(rig.now.deps, { containerId: id, timeout: 0n }, rig.now.call());
    expect((await ask(id)).status).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137 });
  });

  it('refuses an id that nobody has, and none', async () => {
    await expect(ask('absent')).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(ask('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT, message: 'container_id: is empty' });
  });
});
