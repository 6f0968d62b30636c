import { type DeepPartial, PullImageRequest } from '../../../../generated/cri/v1/api';
import { toStatus } from '../../../../src/cri/errors';
import { imageStatus } from '../../../../src/cri/image/image-status';
import { pullImage } from '../../../../src/cri/image/pull-image';
import { Code } from '../../../../src/rpc/code';
import { arrange, callsOf, MISHAPS, type Mishap, type OutwardCall, tryEach } from '../../../support/each-call';
import { FakeRegistry } from '../../../support/fake-registry';
import { StoryRig } from '../../../support/story-rig';
import { testImage } from '../../../support/test-image';
import { useRig } from '../../../support/use-rig';

const BLOCK = `
[containerd.runtimes.block]
runtime_type = "io.containerd.runc.v2"
snapshotter = "block"
`;
const IMAGE = testImage(['one', 'two']);
const rig = useRig({ config: BLOCK });
let registry: FakeRegistry;

beforeAll(async () => {
  registry = await FakeRegistry.start();
  registry.addImage('app', '1', IMAGE);
});
afterEach(() => {
  registry.auth = { kind: 'none' };
  registry.interceptors.length = 0;
});
afterAll(() => registry.stop());

function pull(one: StoryRig, request: DeepPartial<PullImageRequest> = {}, signal?: AbortSignal) {
  const image = { image: `${registry.host}/app:1`, ...request.image };
  return pullImage(one.deps, PullImageRequest.fromPartial({ ...request, image }), one.call(signal));
}

/** Layers that are unpacked, by snapshotter. */
function unpacked(one: StoryRig, snapshotter: string): number {
  const keys = [...one.fake.state.snapshots.keys()].filter((key) => key.startsWith(`${snapshotter} `));
  return keys.length;
}

describe('PullImage', () => {
  it('answers the id under which the image is then listed', async () => {
    const { imageRef } = await pull(rig.now);
    expect(imageRef).toBe(IMAGE.config.digest);
    const image = { image: imageRef, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' };
    const { image: found } = await imageStatus(rig.now.deps, { image, verbose: false });
    expect(found).toMatchObject({ id: imageRef, repoTags: [`${registry.host}/app:1`] });
  });

  it.each([
    ['the image names', { image: { runtimeHandler: 'block' } }],
    [
      'an annotation of an older kubelet names',
      { sandboxConfig: { annotations: { 'io.containerd.cri.runtime-handler': 'block' } } },
    ],
  ])('unpacks for the handler that %s', async (_who, request) => {
    const before = unpacked(rig.now, 'overlayfs');
    await pull(rig.now, request);
    expect([unpacked(rig.now, 'block'), unpacked(rig.now, 'overlayfs')]).toEqual([2, before]);
  });

  it('uses the credentials of the call, and only those', async () => {
    registry.auth = { kind: 'basic', username: 'kim', password: 'secret' };
    await expect(pull(rig.now)).rejects.toMatchObject({ kind: 'other' });
    await pull(rig.now, { auth: { username: 'kim', password: 'secret' } });
  });

  it.each([
    ['no image', { image: { image: '' } }, 'image.image: is empty'],
    ['an unknown handler', { image: { runtimeHandler: 'absent' } }, 'no runtime "absent" is configured'],
  ])('refuses %s', async (_what, request, problem) => {
    await expect(pull(rig.now, request)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining(problem),
    });
  });

  it.each([
    ['the registry cannot be reached', '127.0.0.1:1/app:1', /^RegistryUnavailable: /],
    ['the reference is none', 'not a reference', /not a reference/],
  ])('fails with UNKNOWN when %s', async (_what, image, pattern) => {
    const failed: unknown = await pull(rig.now, { image: { image } }).catch((error: unknown) => error);
    const { code, message } = toStatus(failed, rig.now.call());
    expect([code, message]).toEqual([Code.UNKNOWN, expect.stringMatching(pattern)]);
  });

  it('fails with UNKNOWN for an image that is not there, without a retry', async () => {
    const before = registry.requests.length;
    const failed: unknown = await pull(rig.now, { image: { image: `${registry.host}/absent:1` } }).catch(
      (error) => error,
    );
    expect(toStatus(failed, rig.now.call())).toMatchObject({
      code: Code.UNKNOWN,
      message: expect.stringContaining('not found'),
    });
    expect(registry.requests.length - before).toBeLessThanOrEqual(2);
  });

  it.each(MISHAPS)(
    'records nothing unless it answers, and leaves no lease, whichever call %s',
    async (mishap) => {
      const learner = await StoryRig.start();
      // The first of each kind: what holds for one layer holds for all.
      const calls = (await callsOf(learner, () => pull(learner))).filter(({ nth }) => nth === 1);
      await learner.close();
      expect(calls.length).toBeGreaterThan(10);
      expect(await tryEach(calls, (call) => outcome(call, mishap))).toEqual([]);
    },
    60_000,
  );
});

/** Pulls with one mishap; what is wrong afterwards, also when it is pulled again. */
async function outcome(call: OutwardCall, mishap: Mishap): Promise<unknown[]> {
  const at = `${call.name} ${call.nth}`;
  const one = await StoryRig.start();
  try {
    const signal = arrange(one, call, mishap);
    const made = await pull(one, {}, signal).catch(() => undefined);
    one.heal();
    const listed = one.deps.images.find(IMAGE.config.digest);
    const wrong: unknown[] = [];
    if (made && !listed) wrong.push({ at, problem: 'it answered, but the image is not listed' });
    if ((await pull(one)).imageRef !== IMAGE.config.digest) wrong.push({ at, problem: 'it cannot be pulled again' });
    const left = await one.leftovers();
    return Object.keys(left).length > 0 ? [...wrong, { at, left }] : wrong;
  } catch (error) {
    return [{ at, error: String(error) }];
  } finally {
    await one.close();
  }
}
