import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { ContentWriter } from '../../../src/containerd/content-writer';
import { Code } from '../../../src/rpc/code';
import { digestOf } from '../../support/fake/content-rows';
import { collect, type Rig, startRig } from './rig';

describe('Content', () => {
  let rig: Rig;
  const writers: ContentWriter[] = [];
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(async () => {
    for (const writer of writers.splice(0)) await writer.close();
    await rig.close();
  });

  async function open(ref: string, more: { total?: bigint; expected?: string } = {}, lease?: string) {
    const writer = await rig.client.content.openWrite({ ref, ...more }, { lease });
    writers.push(writer);
    return writer;
  }

  async function put(data: Buffer, lease?: string): Promise<string> {
    const expected = digestOf(data);
    const writer = await open(`put-${expected}`, { total: BigInt(data.length), expected }, lease);
    await writer.write(data);
    const { digest } = await writer.commit({ size: BigInt(data.length), expected });
    await writer.close();
    return digest;
  }

  it('comes in whole, in chunks of 256 KiB, and is read back', async () => {
    const data = randomBytes(1_300_001);
    const expected = digestOf(data);
    const writer = await open('r', { total: BigInt(data.length), expected });
    await writer.write(data.subarray(0, 1_000_000));
    await writer.write(data.subarray(1_000_000));
    expect(writer.offset).toBe(BigInt(data.length));
    const labels = { 'containerd.io/distribution.source.docker.io': 'library/busybox' };
    expect(await writer.commit({ size: BigInt(data.length), expected, labels })).toEqual({ digest: expected });
    const info = { digest: expected, size: BigInt(data.length), createdAt: expect.any(BigInt), labels };
    expect(await rig.client.content.info(expected)).toEqual(info);
    expect(await rig.client.content.list()).toEqual([info]);
    expect((await rig.client.content.readAll(expected, { maxBytes: 2_000_000 }))?.equals(data)).toBe(true);
    expect(Buffer.concat(await collect(rig.client.content.read(expected, { offset: 5n, size: 70_000n })))).toEqual(
      data.subarray(5, 70_005),
    );
    expect(rig.fake.leftovers()).toEqual({});
  });

  it('of nothing at all can be stored', async () => {
    const digest = await put(Buffer.alloc(0));
    expect(await rig.client.content.readAll(digest, { maxBytes: 0 })).toEqual(Buffer.alloc(0));
  });

  it('comes in pieces of any size and many messages, one behind the other', async () => {
    const data = Buffer.from(Array.from({ length: 600_000 }, (_, index) => index % 251));
    const expected = digestOf(data);
    const writer = await open('r');
    await writer.write(data.subarray(0, 1), data.subarray(1, 300_000), Buffer.alloc(0));
    await writer.write(data.subarray(300_000));
    expect(await writer.commit({ size: 600_000n, expected })).toEqual({ digest: expected });
  });

  it('goes on where an earlier writer stopped', async () => {
    const first = await open('r', { total: 6n });
    await first.write(Buffer.from('abc'));
    while ((await rig.client.content.status('r'))?.offset !== 3n);
    await first.close();
    let second: ContentWriter | undefined;
    while (!second) second = await open('r').catch(() => undefined); // until the daemon has seen the first go
    expect(second.offset).toBe(3n);
    expect(await rig.client.content.status('r')).toEqual({
      ref: 'r',
      offset: 3n,
      total: 6n,
      expected: '',
      startedAt: expect.any(BigInt),
      updatedAt: expect.any(BigInt),
    });
    await second.write(Buffer.from('def'));
    const digest = digestOf(Buffer.from('abcdef'));
    expect(await second.commit({ size: 6n, expected: digest })).toEqual({ digest });
    expect(await rig.client.content.status('r')).toBeUndefined();
  });

  it('that is there already cannot be opened, and is as good as committed', async () => {
    const data = Buffer.from('same');
    const expected = digestOf(data);
    const late = await open('late');
    await late.write(data);
    await put(data);
    await expect(open('again', { expected })).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
    expect(await late.commit({ size: 4n, expected })).toEqual({ digest: expected });
  });

  it('has one writer per ref', async () => {
    await open('r');
    await expect(open('r')).rejects.toMatchObject({ name: 'ContainerdError', code: Code.UNAVAILABLE });
  });

  it.each([
    { what: 'size', size: 5n, expected: digestOf(Buffer.from('data')) },
    { what: 'digest', size: 4n, expected: digestOf(Buffer.from('other')) },
  ])('of another $what than expected is refused', async ({ size, expected }) => {
    const writer = await open('r');
    await writer.write(Buffer.from('data'));
    await expect(writer.commit({ size, expected })).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  });

  it('fails every later step when the connection breaks', async () => {
    const writer = await open('r');
    await rig.fake.restart();
    const chunk = Buffer.alloc(2_000_000);
    await expect(writer.write(chunk).then(() => writer.write(chunk))).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    await expect(writer.commit({ size: 1n, expected: '' })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });

  it('stops coming in when the signal fires', async () => {
    const controller = new AbortController();
    const writer = await rig.client.content.openWrite({ ref: 'r' }, { signal: controller.signal });
    writers.push(writer);
    controller.abort(new Error('enough'));
    await expect(writer.commit({ size: 0n, expected: '' })).rejects.toThrow('enough');
  });

  it('cannot be written after close', async () => {
    const writer = await open('r');
    await writer.close();
    await writer.close();
    await expect(writer.write(Buffer.from('x'))).rejects.toMatchObject({ code: Code.CANCELLED });
  });

  it('larger than allowed is not read', async () => {
    const digest = await put(Buffer.alloc(200_000));
    const message = `${digest} has more than 199999 bytes`;
    await expect(rig.client.content.readAll(digest, { maxBytes: 199_999 })).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      message,
    });
  });

  it('that is not there is undefined, false or NOT_FOUND', async () => {
    const { content } = rig.client;
    expect(await content.info('sha256:0')).toBeUndefined();
    expect(await content.readAll('sha256:0', { maxBytes: 1 })).toBeUndefined();
    expect(await content.delete('sha256:0')).toBe(false);
    expect(await content.abort('r')).toBe(false);
    await expect(collect(content.read('sha256:0'))).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(content.updateLabels('sha256:0', { a: 'b' })).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  it('keeps its other labels when some change', async () => {
    const digest = await put(Buffer.from('x'));
    await rig.client.content.updateLabels(digest, { 'a/b.c': '1', keep: '2' });
    await rig.client.content.updateLabels(digest, { 'a/b.c': null });
    expect((await rig.client.content.info(digest))?.labels).toEqual({ keep: '2' });
  });

  it('is held by the lease it came in under', async () => {
    const { leases, content } = rig.client;
    const { id } = await leases.create({ labels: { 'containerd.io/gc.expire': '2030-01-01T00:00:00Z' } });
    const digest = await put(Buffer.from('x'), id);
    const loose = await put(Buffer.from('y'));
    expect(await leases.list([`id==${id}`])).toEqual([
      { id, labels: { 'containerd.io/gc.expire': '2030-01-01T00:00:00Z' }, createdAt: expect.any(BigInt) },
    ]);
    await leases.delete((await leases.create()).id, { sync: true });
    expect(await content.info(loose)).toBeUndefined();
    expect(await content.info(digest)).toBeDefined();
    expect(await leases.delete(id)).toBe(true);
    expect(await leases.delete(id)).toBe(false);
    expect(await content.info(digest)).toBeUndefined();
  });

  it('is unpacked, which tells its diff id', async () => {
    const tar = randomBytes(3000);
    const zipped = gzipSync(tar);
    const digest = await put(zipped);
    const diff = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: BigInt(zipped.length) };
    expect(await rig.client.diff.apply({ diff, mounts: [] })).toEqual({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: digestOf(tar),
      size: 3000n,
    });
  });
});
