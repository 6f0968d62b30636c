import {
  type DeepPartial,
  ImageSpec,
  RemoveImageRequest,
  StreamImagesResponse,
} from '../../../../generated/cri/v1/api';
import { imageStatus } from '../../../../src/cri/image/image-status';
import { listImages } from '../../../../src/cri/image/list-images';
import { removeImage } from '../../../../src/cri/image/remove-image';
import { streamImages } from '../../../../src/cri/image/stream-images';
import { Code } from '../../../../src/rpc/code';
import { makeContainer, runPod } from '../../../support/story-pods';
import { APP_IMAGE, PAUSE_IMAGE } from '../../../support/story-rig';
import { useRig } from '../../../support/use-rig';
import { collectDecoded } from '../../rpc/rpc-rig';

const WEB = 'docker.io/library/web:1';
const rig = useRig({ images: [{ name: WEB, config: { User: '7:8' } }] });

const spec = (change: DeepPartial<ImageSpec>): ImageSpec => ImageSpec.fromPartial(change);
const status = (image: string, verbose = false) => imageStatus(rig.now.deps, { image: spec({ image }), verbose });
const idOf = (image: string): string => rig.now.deps.images.find(image)?.id ?? '';

describe('ImageStatus', () => {
  it.each([
    ['its name', () => 'web:1'],
    ['its name in full', () => WEB],
    ['its id', () => idOf(WEB)],
    ['the digits of its id', () => idOf(WEB).replace('sha256:', '')],
    ['a prefix of them', () => idOf(WEB).replace('sha256:', '').slice(0, 12)],
  ])('finds an image by %s', async (_how, name) => {
    expect((await status(name())).image).toEqual({
      id: idOf(WEB),
      repoTags: [WEB],
      repoDigests: [],
      size: expect.any(BigInt),
      uid: { value: 7n },
      username: '',
      spec: spec({ image: idOf(WEB) }),
      pinned: false,
    });
  });

  it('says that the pause image is pinned', async () => {
    expect((await status(PAUSE_IMAGE)).image?.pinned).toBe(true);
  });

  it('answers nothing for an image that is not here, which is no failure', async () => {
    expect(await status('absent:1')).toEqual({ image: undefined, info: {} });
  });

  it('tells the chain and the configuration when asked', async () => {
    const { info } = await status(WEB, true);
    expect(JSON.parse(info.info ?? '')).toEqual({
      chainID: rig.now.deps.images.find(WEB)?.chainId,
      imageSpec: expect.objectContaining({ os: 'linux', config: { User: '7:8' } }),
    });
  });

  it.each([{ image: undefined }, { image: spec({}) }])('refuses a request without a name: %j', async ({ image }) => {
    await expect(imageStatus(rig.now.deps, { image, verbose: false })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: 'image.image: is empty',
    });
  });
});

describe('ListImages', () => {
  const all = (): string[] => [APP_IMAGE, PAUSE_IMAGE, WEB].map(idOf).sort();
  const list = async (filter?: { image: ImageSpec | undefined }): Promise<string[]> =>
    (await listImages(rig.now.deps, { filter })).images.map(({ id }) => id).sort();

  it('lists every image', async () => {
    expect(await list()).toEqual(all());
    expect(await list({ image: undefined })).toEqual(all());
  });

  it('lists the one that the filter names, or none', async () => {
    expect(await list({ image: spec({ image: 'web:1' }) })).toEqual([idOf(WEB)]);
    expect(await list({ image: spec({ image: 'absent:1' }) })).toEqual([]);
  });

  it('is the same in a stream, each image once', async () => {
    const streamed: string[] = [];
    const messages = streamImages(rig.now.deps, { filter: undefined });
    for (const { images } of await collectDecoded(messages, StreamImagesResponse)) {
      expect(images.length).toBeGreaterThan(0);
      streamed.push(...images.map(({ id }) => id));
    }
    expect(streamed.sort()).toEqual(all());
    const none = [];
    const filter = { image: spec({ image: 'absent:1' }) };
    for await (const message of streamImages(rig.now.deps, { filter })) none.push(message);
    expect(none).toEqual([]);
  });
});

describe('RemoveImage', () => {
  const remove = (image: string, signal?: AbortSignal) =>
    removeImage(rig.now.deps, RemoveImageRequest.fromPartial({ image: { image } }), rig.now.call(signal));

  it('removes every name of the image, whichever is given', async () => {
    const { images } = rig.now.fake.state;
    const record = images.get(WEB);
    if (record) images.set('registry.example/other:2', { ...record, name: 'registry.example/other:2' });
    await rig.now.deps.images.resync();
    await remove('web:1');
    expect([...images.keys()].filter((name) => /web|other/.test(name))).toEqual([]);
    expect((await status('registry.example/other:2')).image).toBeUndefined();
  });

  it('is fine with an image that is not here, and with one that is removed twice at once', async () => {
    expect(await remove('absent:1')).toEqual({});
    expect(await Promise.all([remove(WEB), remove(WEB)])).toEqual([{}, {}]);
  });

  it('leaves containers that were made of it alone', async () => {
    const pod = await runPod(rig.now);
    const { metadata } = await makeContainer(rig.now, pod);
    await remove(APP_IMAGE);
    expect(rig.now.deps.containers.get(metadata.id)).toBeDefined();
    expect((await status(APP_IMAGE)).image).toBeUndefined();
  });

  it('lists the image as before when containerd refuses', async () => {
    rig.now.fake.fail('Images/Delete', {});
    await expect(remove(WEB)).rejects.toThrow('made to fail');
    expect((await status(WEB)).image?.id).toBe(idOf(WEB));
    await remove(WEB);
    expect((await status(WEB)).image).toBeUndefined();
  });

  it('refuses a request without a name', async () => {
    await expect(remove('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT, message: 'image.image: is empty' });
  });
});
