import { Code } from '../../../src/rpc/code';
import { seedImage } from '../../support/fake/seed-image';
import { type Rig, startRig } from './rig';

const name = 'docker.io/library/busybox:1.36';
const target = {
  mediaType: 'application/vnd.oci.image.index.v1+json',
  digest: 'sha256:aa',
  size: 123n,
  annotations: { 'org.opencontainers.image.ref.name': '1.36' },
};

describe('Images', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(() => rig.close());

  it('keep a record whole', async () => {
    const { images } = rig.client;
    const made = await images.create({ name, labels: { 'io.cri-containerd.image': 'managed' }, target });
    expect(made).toEqual({
      name,
      labels: { 'io.cri-containerd.image': 'managed' },
      target,
      createdAt: expect.any(BigInt),
      updatedAt: expect.any(BigInt),
    });
    expect(await images.get(name)).toEqual(made);
    expect(await images.list()).toEqual([made]);
    expect(await images.list([`name=="${name}"`])).toEqual([made]);
    expect(await images.list(['name~="^sha256:"'])).toEqual([]);
    await expect(images.create({ name, labels: {}, target })).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
  });

  it('change what is named, or everything', async () => {
    const { images } = rig.client;
    await images.create({ name, labels: { a: '1' }, target });
    const moved = { mediaType: 'm', digest: 'sha256:bb', size: 5n };
    await images.update({ name, labels: { b: '2' }, target: moved }, ['target']);
    expect(await images.get(name)).toMatchObject({ labels: { a: '1' }, target: moved });
    expect(await images.update({ name, labels: { b: '2' }, target }, [])).toMatchObject({ labels: { b: '2' }, target });
    await expect(images.update({ name: 'none', labels: {}, target }, [])).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
  });

  it('hold what they lead to until they are deleted', async () => {
    const { images, content, snapshots } = rig.client;
    const { digest, configDigest, chainId } = seedImage(rig.fake, {
      name,
      layers: [Buffer.from('1'), Buffer.from('2')],
    });
    await images.create({ name: 'other', labels: {}, target });
    await images.delete('other', { sync: true });
    expect((await content.list()).map((blob) => blob.digest)).toEqual(expect.arrayContaining([digest, configDigest]));
    expect(await snapshots.stat({ snapshotter: 'overlayfs', key: chainId })).toMatchObject({ kind: 'COMMITTED' });
    expect(await images.delete(name)).toBe(true);
    expect(await content.list()).toEqual([]);
    expect(await snapshots.list('overlayfs')).toEqual([]);
    expect(await images.delete(name)).toBe(false);
    expect(await images.get(name)).toBeUndefined();
  });
});
