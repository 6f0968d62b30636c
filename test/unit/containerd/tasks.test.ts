import { silentLogger } from '../../../src/base/logger';
import { ContainerdClient } from '../../../src/containerd/client';
import { Code } from '../../../src/rpc/code';
import { type Rig, record, startRig } from './rig';

const SIGTERM = 15;
const SIGKILL = 9;
const spec = { typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Process', value: Buffer.from('{}') };

describe('Tasks', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig();
    await rig.client.containers.create(record('c'));
  });
  afterEach(() => rig.close());

  async function run(id = 'c') {
    const { pid } = await rig.client.tasks.create({ containerId: id, rootfs: [] });
    expect(await rig.client.tasks.start({ containerId: id })).toEqual({ pid });
    return pid;
  }

  it('live from create to delete', async () => {
    const { tasks } = rig.client;
    const { pid } = await tasks.create({ containerId: 'c', rootfs: [], stdout: '/o', stderr: '/e', terminal: true });
    const process = {
      containerId: 'c',
      execId: '',
      pid,
      status: 'CREATED',
      exitStatus: 0,
      exitedAt: 0n,
      stdin: '',
      stdout: '/o',
      stderr: '/e',
      terminal: true,
    };
    expect(await tasks.get({ containerId: 'c' })).toEqual(process);
    const exit = tasks.wait({ containerId: 'c' });
    await tasks.start({ containerId: 'c' });
    expect(await tasks.list()).toEqual([{ ...process, status: 'RUNNING' }]);
    expect(await tasks.kill({ containerId: 'c', signal: SIGTERM })).toBe(true);
    const ended = await exit;
    expect(ended).toEqual({ exitStatus: 143, exitedAt: expect.any(BigInt) });
    expect(await tasks.get({ containerId: 'c' })).toEqual({ ...process, status: 'STOPPED', ...ended });
    expect(await tasks.kill({ containerId: 'c', signal: SIGKILL })).toBe(false);
    expect(await tasks.delete('c')).toEqual({ pid, ...ended });
    expect(await tasks.delete('c')).toBeUndefined();
    expect(await tasks.get({ containerId: 'c' })).toBeUndefined();
    expect(await tasks.kill({ containerId: 'c', signal: SIGKILL })).toBe(false);
  });

  it('carry what they are created with', async () => {
    const rootfs = [{ type: 'overlay', source: 'overlay', target: '', options: ['lowerdir=/a'] }];
    const options = { typeUrl: 'containerd.runc.v1.Options', value: Buffer.from([8, 1]) };
    await rig.client.tasks.create({ containerId: 'c', rootfs, options, runtimePath: '/bin/shim' });
    expect(rig.fake.state.tasks.get('c')).toMatchObject({ rootfs, options, runtimePath: '/bin/shim' });
  });

  it('cannot be deleted while they run', async () => {
    await run();
    await expect(rig.client.tasks.delete('c')).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  });

  it('run further processes', async () => {
    const { tasks } = rig.client;
    await run();
    rig.fake.world.onStart = () => undefined;
    await tasks.exec({ containerId: 'c', execId: 'e', spec, stdout: '/o', terminal: true });
    const { pid } = await tasks.start({ containerId: 'c', execId: 'e' });
    const exit = tasks.wait({ containerId: 'c', execId: 'e' });
    await tasks.resizePty({ containerId: 'c', execId: 'e', width: 80, height: 24 });
    await tasks.closeStdin({ containerId: 'c', execId: 'e' });
    expect(await tasks.get({ containerId: 'c', execId: 'e' })).toMatchObject({ execId: 'e', pid, terminal: true });
    expect(rig.fake.process('c', 'e')).toMatchObject({ stdinClosed: true, size: { width: 80, height: 24 } });
    expect((await tasks.pids('c')).map((each) => each.pid)).toContain(pid);
    rig.fake.process('c', 'e').exit(3);
    expect(await exit).toMatchObject({ exitStatus: 3 });
    expect(await tasks.deleteProcess({ containerId: 'c', execId: 'e' })).toMatchObject({ pid, exitStatus: 3 });
    expect(await tasks.deleteProcess({ containerId: 'c', execId: 'e' })).toBeUndefined();
    expect(await tasks.get({ containerId: 'c' })).toMatchObject({ status: 'RUNNING' });
  });

  it('can be frozen', async () => {
    const { tasks } = rig.client;
    await run();
    await tasks.pause('c');
    expect(await tasks.get({ containerId: 'c' })).toMatchObject({ status: 'PAUSED' });
    await tasks.resume('c');
    expect(await tasks.get({ containerId: 'c' })).toMatchObject({ status: 'RUNNING' });
  });

  it('take new resources and count what they use', async () => {
    const { tasks } = rig.client;
    await run();
    const resources = {
      typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources',
      value: Buffer.from('{}'),
    };
    await tasks.update({ containerId: 'c', resources });
    expect(rig.fake.state.tasks.get('c')?.resources).toEqual([resources]);
    const data = { typeUrl: 'io.containerd.cgroups.v2.Metrics', value: Buffer.from([10, 0]) };
    rig.fake.world.metrics.set('c', data);
    expect(await tasks.metrics(['c', 'gone'])).toEqual([{ id: 'c', timestamp: expect.any(BigInt), data }]);
    expect(await tasks.metrics([])).toEqual([]);
  });

  it('are waited for without a deadline, until the signal fires', async () => {
    const hasty = new ContainerdClient({
      address: rig.fake.address,
      namespace: 'k8s.io',
      log: silentLogger,
      defaultTimeoutMs: 40,
    });
    await run();
    rig.fake.fail('Tasks/Get', { hang: true });
    const controller = new AbortController();
    const waiting = hasty.tasks.wait({ containerId: 'c' }, { signal: controller.signal });
    waiting.catch(() => undefined);
    await expect(hasty.tasks.get({ containerId: 'c' })).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    hasty.close();
  });

  it('say nothing of themselves when the connection breaks while they are waited for', async () => {
    await run();
    const waiting = rig.client.tasks.wait({ containerId: 'c' });
    waiting.catch(() => undefined);
    await rig.client.tasks.list(); // the wait has arrived by now
    await rig.fake.restart();
    await expect(waiting).rejects.toMatchObject({ name: 'ContainerdError', code: Code.UNAVAILABLE });
    const exit = rig.client.tasks.wait({ containerId: 'c' });
    rig.fake.process('c').exit(0);
    expect(await exit).toMatchObject({ exitStatus: 0 });
  });
});
