import { ContainerState, Signal } from '../../../../generated/cri/v1/api';
import { stopContainer } from '../../../../src/cri/container/stop-container';
import { Code } from '../../../../src/rpc/code';
import { RpcError } from '../../../../src/rpc/rpc-error';
import { toCriContainerState } from '../../../../src/state/cri-shapes';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { ended, useRig } from '../../../support/use-rig';

const SIGKILL = 9;
const SIGTERM = 15;
const LONG = 3600n;

const QUITTING = 'docker.io/library/quitting:1';

const rig = useRig({ images: [{ name: QUITTING, config: { Entrypoint: ['/q'], StopSignal: 'SIGQUIT' } }] });

function stop(containerId: string, timeout: bigint, signal?: AbortSignal) {
  return stopContainer(rig.now.deps, { containerId, timeout }, rig.now.call(signal));
}

describe('StopContainer', () => {
  it('sends the stop signal, and the exit is recorded when it answers', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    const process = rig.now.fake.process(id);
    await stop(id, LONG);
    expect(process.signals).toEqual([SIGTERM]);
    expect(container.status).toMatchObject({ exitCode: 143, reason: 'Error', pid: 0 });
    expect(await rig.now.deps.containers.readStatus(id)).toEqual(container.status);
  });

  it.each([
    ['the container', { stopSignal: Signal.SIGUSR1 }, 10],
    ['its image', { image: { image: QUITTING } }, 3],
    ['the container before its image', { image: { image: QUITTING }, stopSignal: Signal.SIGINT }, 2],
  ])('sends the signal that %s names', async (_whose, config, wanted) => {
    const container = await runContainer(rig.now, await runPod(rig.now), config);
    const process = rig.now.fake.process(container.metadata.id);
    await stop(container.metadata.id, LONG);
    expect(process.signals).toEqual([wanted]);
  });

  it('kills at once when the timeout is 0', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const process = rig.now.fake.process(container.metadata.id);
    await stop(container.metadata.id, 0n);
    expect(process.signals).toEqual([SIGKILL]);
    expect(container.status.exitCode).toBe(137);
  });

  it('kills what ignores its stop signal when the timeout has passed', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const process = rig.now.fake.process(container.metadata.id);
    process.ignored.add(SIGTERM);
    await stop(container.metadata.id, 1n);
    expect(process.signals).toEqual([SIGTERM, SIGKILL]);
  });

  it('sends the stop signal once, and a later stop with a shorter time still kills', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    const process = rig.now.fake.process(id);
    process.ignored.add(SIGTERM);
    const sent = new Promise<void>((resolve) => {
      rig.now.fake.fail('Tasks/Kill', { passes: true, hit: resolve });
    });
    const patient = stop(id, LONG);
    await sent;
    await stop(id, 1n);
    await patient;
    expect(process.signals).toEqual([SIGTERM, SIGKILL]);
  });

  it('sends the stop signal again when it could not be sent', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    const process = rig.now.fake.process(id);
    rig.now.fake.fail('Tasks/Kill', {});
    await expect(stop(id, LONG)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    await stop(id, LONG);
    expect(process.signals).toEqual([SIGTERM]);
  });

  it('does not kill when its caller goes before the timeout', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    const process = rig.now.fake.process(id);
    process.ignored.add(SIGTERM);
    const caller = new AbortController();
    const sent = new Promise<void>((resolve) => {
      rig.now.fake.fail('Tasks/Kill', { passes: true, hit: resolve });
    });
    const stopping = stop(id, LONG, caller.signal);
    await sent;
    caller.abort(new RpcError(Code.CANCELLED, 'gone'));
    await expect(stopping).rejects.toMatchObject({ code: Code.CANCELLED });
    expect(process.signals.filter((signal) => signal === SIGKILL)).toEqual([]);
  });

  it('leads out of UNKNOWN: what runs is killed, and the container is EXITED', async () => {
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { id } = container.metadata;
    rig.now.deps.monitor.unwatch(id);
    rig.now.deps.exits.settle(id);
    rig.now.deps.containers.updateInMemory(container, { unknown: true });
    await stop(id, LONG);
    expect(toCriContainerState(container)).toBe(ContainerState.CONTAINER_EXITED);
    expect({ tasks: rig.now.fake.state.tasks.has(id), code: container.status.exitCode }).toEqual({
      tasks: false,
      code: 137,
    });
  });

  it('leads out of UNKNOWN also when there is no task', async () => {
    const container = await makeContainer(rig.now, await runPod(rig.now));
    rig.now.deps.containers.updateInMemory(container, { unknown: true });
    await stop(container.metadata.id, LONG);
    expect(container.status).toMatchObject({ exitCode: 255, reason: 'Unknown', unknown: false });
  });

  it('leaves what does not run as it is', async () => {
    const pod = await runPod(rig.now);
    const created = await makeContainer(rig.now, pod);
    const exited = await runContainer(rig.now, pod, { metadata: { name: 'second' } });
    rig.now.fake.process(exited.metadata.id).exit(3);
    await ended(rig.now, exited.metadata.id);
    const before = [created.status, exited.status];
    await stop(created.metadata.id, LONG);
    await stop(exited.metadata.id, LONG);
    expect([created.status, exited.status]).toEqual(before);
  });

  it('is fine with a container that is not there, and refuses an empty id', async () => {
    await expect(stop('absent', LONG)).resolves.toEqual({});
    await expect(stop('', LONG)).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});
