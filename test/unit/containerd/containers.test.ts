import { Code } from '../../../src/rpc/code';
import { type Rig, record, startRig } from './rig';

const spec = { typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Spec', value: Buffer.from('{"a":1}') };

describe('Containers', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(() => rig.close());

  it('keeps a record whole', async () => {
    const { containers } = rig.client;
    const options = { typeUrl: 'containerd.runc.v1.Options', value: Buffer.from([1, 2]) };
    const whole = record('a', {
      labels: { 'io.cri-containerd.kind': 'container' },
      runtime: { name: 'io.containerd.runc.v2', options },
      spec,
      extensions: { key: spec },
      sandboxId: 's',
    });
    const made = await containers.create(whole);
    expect(made).toEqual({ ...whole, createdAt: expect.any(BigInt), updatedAt: expect.any(BigInt) });
    expect(made.createdAt).toBeGreaterThan(1_600_000_000_000_000_000n);
    expect(await containers.get('a')).toEqual(made);
  });

  it('answers undefined and false for what is not there', async () => {
    expect(await rig.client.containers.get('nope')).toBeUndefined();
    expect(await rig.client.containers.delete('nope')).toBe(false);
  });

  it('refuses a second record of the same id', async () => {
    await rig.client.containers.create(record('a'));
    await expect(rig.client.containers.create(record('a'))).rejects.toMatchObject({
      name: 'ContainerdError',
      code: Code.ALREADY_EXISTS,
      method: 'containerd.services.containers.v1.Containers/Create',
      message: 'container "a": already exists',
    });
  });

  it('changes only the fields that are named', async () => {
    const { containers } = rig.client;
    await containers.create(record('a', { labels: { keep: '1', drop: '2' }, spec }));
    const changed = { ...spec, value: Buffer.from('{}') };
    await containers.update({ id: 'a', spec: changed, labels: { drop: '', add: '3' } }, [
      'spec',
      'labels.drop',
      'labels.add',
    ]);
    expect(await containers.get('a')).toMatchObject({
      labels: { keep: '1', add: '3' },
      spec: changed,
      snapshotKey: 'a',
    });
  });

  it('lists by filter', async () => {
    const { containers } = rig.client;
    await containers.create(record('a', { labels: { 'io.cri-containerd.kind': 'sandbox' } }));
    await containers.create(record('b', { labels: { 'io.cri-containerd.kind': 'container' } }));
    const ids = async (filters?: string[]) => (await containers.list(filters)).map(({ id }) => id);
    expect(await ids()).toEqual(['a', 'b']);
    expect(await ids(['labels."io.cri-containerd.kind"==container'])).toEqual(['b']);
    expect(await ids(['id==a', 'id==b'])).toEqual(['a', 'b']);
    expect(await ids(['id==a,labels."io.cri-containerd.kind"==container'])).toEqual([]);
  });

  it('lists in one message where the daemon has no stream of them', async () => {
    await rig.client.containers.create(record('a'));
    rig.fake.fail('Containers/ListStream', { code: Code.UNIMPLEMENTED });
    expect(await rig.client.containers.list()).toMatchObject([{ id: 'a' }]);
    expect(rig.fake.calls.slice(-2)).toEqual([
      'containerd.services.containers.v1.Containers/ListStream',
      'containerd.services.containers.v1.Containers/List',
    ]);
  });

  it('fails a listing that breaks off', async () => {
    await rig.client.containers.create(record('a'));
    rig.fake.fail('Containers/ListStream', { code: Code.UNAVAILABLE, afterEffect: true });
    await expect(rig.client.containers.list()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });
});
