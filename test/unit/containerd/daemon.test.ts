import { silentLogger } from '../../../src/base/logger';
import { ContainerdClient } from '../../../src/containerd/client';
import {
  ContainerdError,
  isAlreadyExists,
  isNotFound,
  isUnavailable,
  isUnimplemented,
} from '../../../src/containerd/errors';
import { labelChange } from '../../../src/containerd/label-change';
import { toNanos, toTimestamp } from '../../../src/containerd/time';
import { Code } from '../../../src/rpc/code';
import { plugin } from '../../support/fake/daemon-rows';
import { type Rig, record, startRig } from './rig';

describe('ContainerdClient', () => {
  let rig: Rig;
  afterEach(() => rig.close());

  it('says which namespace every call means', async () => {
    rig = await startRig();
    const other = new ContainerdClient({ address: `unix://${rig.fake.address}`, namespace: 'moby', log: silentLogger });
    await other.containers.create(record('a'));
    expect(await rig.client.containers.list()).toEqual([]);
    expect(await other.containers.list()).toMatchObject([{ id: 'a' }]);
    other.close();
  });

  it('refuses a lease that does not exist', async () => {
    rig = await startRig();
    const prepared = rig.client.snapshots.prepare(
      { snapshotter: 'overlayfs', key: 'k', parent: '' },
      { lease: 'gone' },
    );
    await expect(prepared).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  it('gives a call up when its deadline passes or its signal fires', async () => {
    rig = await startRig();
    rig.fake.fail('Version/Version', { nth: 'always', hang: true });
    await expect(rig.client.version.version({ timeoutMs: 30 })).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    const call = rig.client.version.version({ signal: AbortSignal.timeout(20) });
    await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('connects again by itself', async () => {
    rig = await startRig();
    await rig.client.version.version();
    await rig.fake.restart();
    let answer: unknown;
    while (!answer) answer = await rig.client.version.version().catch(() => undefined);
    expect(answer).toEqual({ version: 'v1.7.99', revision: 'fake' });
  });

  it('fails with UNAVAILABLE when there is no daemon', async () => {
    rig = await startRig();
    const client = new ContainerdClient({ address: `${rig.fake.dir}/none`, namespace: 'k8s.io', log: silentLogger });
    await expect(client.version.version()).rejects.toMatchObject({ name: 'ContainerdError', code: Code.UNAVAILABLE });
    client.close();
  });

  it('counts its calls by method and code', async () => {
    rig = await startRig();
    const [count, time] = [jest.fn(), jest.fn()];
    const options = { address: rig.fake.address, namespace: 'k8s.io', log: silentLogger, metrics: { count, time } };
    const client = new ContainerdClient(options);
    await client.containers.get('none');
    await client.version.version();
    client.close();
    expect(count.mock.calls).toEqual([
      ['crisp_containerd_calls_total', { method: 'Containers/Get', code: 'NOT_FOUND' }],
      ['crisp_containerd_calls_total', { method: 'Version/Version', code: 'OK' }],
    ]);
  });

  it('makes sure of a namespace', async () => {
    rig = await startRig();
    await rig.client.namespaces.ensure('k8s.io');
    await rig.client.namespaces.ensure('k8s.io');
    expect(await rig.client.namespaces.list()).toEqual(['k8s.io']);
  });

  it('tells what the daemon consists of', async () => {
    rig = await startRig();
    const initErr = { code: 2, message: 'no btrfs', details: [] };
    rig.fake.world.plugins.push(plugin({ type: 'io.containerd.snapshotter.v1', id: 'btrfs', initErr }));
    const { introspection } = rig.client;
    const found = await introspection.plugins(['type==io.containerd.snapshotter.v1,id==btrfs']);
    const expected = { type: 'io.containerd.snapshotter.v1', id: 'btrfs', requires: [], platforms: [] };
    expect(found).toEqual([{ ...expected, exports: {}, capabilities: [], initError: 'no btrfs' }]);
    expect(await introspection.server()).toEqual({
      uuid: expect.any(String),
      pid: process.pid,
      pidns: 0n,
      deprecations: [],
    });
  });

  it('asks a plugin about itself, where the daemon knows the question and the plugin', async () => {
    rig = await startRig();
    const { introspection } = rig.client;
    const question = { type: 'io.containerd.snapshotter.v1', id: 'overlayfs' };
    expect(await introspection.pluginInfo(question)).toBeUndefined();
    rig.fake.world.pluginInfo = { typeUrl: 'containerd.types.RuntimeInfo', value: Buffer.from([1]) };
    expect(await introspection.pluginInfo(question)).toMatchObject({ extra: rig.fake.world.pluginInfo });
    expect(await introspection.pluginInfo({ ...question, id: 'none' })).toBeUndefined();
  });

  it('keeps sandbox records where the daemon has them', async () => {
    rig = await startRig({ sandboxStore: true });
    const { sandboxStore } = rig.client;
    const extension = { typeUrl: 't', value: Buffer.from('{"a":1}') };
    const runtime = { name: 'io.containerd.runc.v2', options: extension };
    await sandboxStore.create({ id: 's', runtime, labels: { name: 'n' }, sandboxer: 'podsandbox' });
    await sandboxStore.update({ id: 's', extensions: { metadata: extension } }, ['extensions.metadata']);
    const expected = {
      id: 's',
      runtime,
      labels: { name: 'n' },
      extensions: { metadata: extension },
      sandboxer: 'podsandbox',
      createdAt: expect.any(BigInt),
      updatedAt: expect.any(BigInt),
    };
    expect(await sandboxStore.get('s')).toEqual(expected);
    expect(await sandboxStore.list()).toEqual([expected]);
    await expect(sandboxStore.create({ id: 's' })).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
    expect(await sandboxStore.delete('s')).toBe(true);
    expect(await sandboxStore.delete('s')).toBe(false);
    expect(await sandboxStore.get('s')).toBeUndefined();
  });

  it('finds no sandbox records in a daemon without them, and can make none', async () => {
    rig = await startRig();
    const { sandboxStore } = rig.client;
    expect(await sandboxStore.get('s')).toBeUndefined();
    expect(await sandboxStore.list()).toEqual([]);
    expect(await sandboxStore.delete('s')).toBe(false);
    await expect(sandboxStore.create({ id: 's' })).rejects.toMatchObject({ code: Code.UNIMPLEMENTED });
  });

  it('keeps a container whose creation was answered with an error all the same', async () => {
    rig = await startRig();
    rig.fake.fail('Containers/Create', {
      nth: 2,
      code: Code.DEADLINE_EXCEEDED,
      message: 'too late',
      afterEffect: true,
    });
    await rig.client.containers.create(record('a'));
    const second = rig.client.containers.create(record('b'));
    await expect(second).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED, message: 'too late' });
    expect(rig.fake.leftovers()).toEqual({ containers: ['a', 'b'] });
  });
});

describe('the errors of containerd', () => {
  it.each([
    { code: Code.NOT_FOUND, is: [true, false, false, false] },
    { code: Code.ALREADY_EXISTS, is: [false, true, false, false] },
    { code: Code.UNAVAILABLE, is: [false, false, true, false] },
    { code: Code.UNIMPLEMENTED, is: [false, false, false, true] },
    { code: Code.INTERNAL, is: [false, false, false, false] },
  ])('are known by their code $code alone', ({ code, is }) => {
    const known = [isNotFound, isAlreadyExists, isUnavailable, isUnimplemented];
    expect(known.map((check) => check(new ContainerdError(code, 'x: not found', 'm')))).toEqual(is);
    expect(known.map((check) => check({ code }))).toEqual([false, false, false, false]);
  });
});

describe('times', () => {
  it.each([
    { time: { seconds: 1_700_000_000n, nanos: 123_456_789 }, nanos: 1_700_000_000_123_456_789n },
    { time: { seconds: -1n, nanos: 999_999_999 }, nanos: -1n },
    { time: undefined, nanos: 0n },
  ])('$nanos go to the wire and back', ({ time, nanos }) => {
    expect(toNanos(time)).toBe(nanos);
    expect(toTimestamp(nanos)).toEqual(time);
  });

  it("take Go's zero time for none", () => {
    expect(toNanos({ seconds: -62_135_596_800n, nanos: 0 })).toBe(0n);
  });
});

describe('labelChange', () => {
  it('names each label and empties those to be removed', () => {
    expect(labelChange({ 'a.b/c': '1', d: null })).toEqual({
      labels: { 'a.b/c': '1', d: '' },
      paths: ['labels.a.b/c', 'labels.d'],
    });
  });
});
