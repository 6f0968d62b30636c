import { TaskOOM } from '../../../generated/containerd/events/task';
import { Any } from '../../../generated/google/protobuf/any';
import { decodeEvent, type Envelope } from '../../../src/containerd/events';
import { Code } from '../../../src/rpc/code';
import { type Rig, record, startRig } from './rig';

describe('Events', () => {
  let rig: Rig;
  const controllers: AbortController[] = [];
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(async () => {
    for (const controller of controllers.splice(0)) controller.abort(new Error('the test is over'));
    await rig.close();
  });

  function subscribe(filters: string[]) {
    const controller = new AbortController();
    controllers.push(controller);
    const stream = rig.client.events.subscribe(filters, { signal: controller.signal });
    return { controller, iterator: stream[Symbol.asyncIterator]() };
  }

  const oom = (containerId: string) => ({
    typeUrl: 'containerd.events.TaskOOM',
    value: Buffer.from(TaskOOM.encode({ containerId }).finish()),
  });

  it('are heard from the subscription on, before the first is asked for', async () => {
    const { iterator } = subscribe(['topic=="/tasks/oom"']);
    await rig.fake.world.subscribed();
    rig.fake.world.publish('k8s.io', '/tasks/start', oom('not this topic'));
    rig.fake.world.publish('other', '/tasks/oom', oom('c'));
    expect(await iterator.next()).toEqual({
      done: false,
      value: { timestamp: expect.any(BigInt), namespace: 'other', topic: '/tasks/oom', event: oom('c') },
    });
  });

  it('tell the life of a task and of an image', async () => {
    const { iterator } = subscribe(['topic~="^/tasks/"', 'topic~="^/images/"']);
    await rig.fake.world.subscribed();
    const { containers, tasks, images } = rig.client;
    await containers.create(record('c'));
    const { pid } = await tasks.create({ containerId: 'c', rootfs: [] });
    await tasks.start({ containerId: 'c' });
    await tasks.kill({ containerId: 'c', signal: 9 });
    await tasks.delete('c');
    const target = { mediaType: '', digest: 'sha256:a', size: 1n };
    await images.create({ name: 'i', labels: {}, target });
    await images.update({ name: 'i', labels: {}, target }, ['labels']);
    await images.delete('i');
    const end = { containerId: 'c', execId: 'c', pid, exitStatus: 137, exitedAt: expect.any(BigInt) };
    for (const expected of [
      { kind: 'task-start', containerId: 'c', pid },
      { kind: 'task-exit', ...end },
      { kind: 'task-delete', ...end },
      { kind: 'image-create', name: 'i' },
      { kind: 'image-update', name: 'i' },
      { kind: 'image-delete', name: 'i' },
    ]) {
      const next = (await iterator.next()) as IteratorYieldResult<Envelope>;
      expect(decodeEvent(next.value.event)).toEqual(expected);
    }
  });

  it('end with the reason of the signal', async () => {
    const { controller, iterator } = subscribe([]);
    const next = iterator.next();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
  });

  it('end with UNAVAILABLE when the connection breaks', async () => {
    const { iterator } = subscribe([]);
    const next = iterator.next();
    next.catch(() => undefined);
    await rig.fake.world.subscribed();
    await rig.fake.restart();
    await expect(next).rejects.toMatchObject({ name: 'ContainerdError', code: Code.UNAVAILABLE });
  });

  it.each([
    { typeUrl: 'containerd.events.TaskOOM', expected: { kind: 'task-oom', containerId: 'c' } },
    { typeUrl: 'type.googleapis.com/containerd.events.TaskOOM', expected: { kind: 'task-oom', containerId: 'c' } },
    { typeUrl: 'containerd.events.ContentCreate', expected: undefined },
    { typeUrl: '', expected: undefined },
  ])('of type "$typeUrl" are decoded to $expected', ({ typeUrl, expected }) => {
    expect(decodeEvent(Any.fromPartial({ typeUrl, value: oom('c').value }))).toEqual(expected);
  });
});
