import type { Image } from '../../../src/model/image';
import { MAX_REMEMBERED_BYTES, UserFiles } from '../../../src/pods/user-files';
import { until } from '../../support/daemon/process';
import { APP_IMAGE } from '../../support/story-rig';
import { useRig } from '../../support/use-rig';

const rig = useRig();

function setUp() {
  const { deps, host } = rig.now;
  const image = deps.images.find(APP_IMAGE) as Image;
  host.rootfsFiles.set('/etc/passwd', Buffer.from('root:x:0:0'));
  const files = new UserFiles(deps);
  return { host, read: () => files.of(image, 'overlayfs') };
}

const views = (): number => rig.now.fake.calls.filter((call) => call.endsWith('Snapshots/View')).length;

describe('The user files of an image', () => {
  afterEach(() => void jest.useRealTimers());

  it('are read once for all that ask', async () => {
    const { read } = setUp();
    const all = await Promise.all([read(), read()]);
    expect(all.map(({ passwd }) => passwd?.toString())).toEqual(['root:x:0:0', 'root:x:0:0']);
    await read();
    expect(views()).toBe(1);
  });

  it('are remembered up to so many bytes of all images together, the oldest forgotten first', async () => {
    const { deps, host } = rig.now;
    const image = deps.images.find(APP_IMAGE) as Image;
    host.rootfsFiles.set('/etc/passwd', Buffer.alloc(1 << 20, 'x'));
    host.rootfsFiles.set('/etc/group', Buffer.alloc(1 << 20, 'x'));
    const files = new UserFiles(deps);
    const of = (chain: number) => files.of({ ...image, chainId: `${image.chainId}${chain}` }, 'overlayfs');
    const fit = MAX_REMEMBERED_BYTES / (2 << 20);
    const { view } = deps.containerd.snapshots;
    deps.containerd.snapshots.view = (options, ...more) =>
      view.call(deps.containerd.snapshots, { ...options, parent: image.chainId }, ...more);
    for (let i = 0; i < fit; i++) await of(i);
    expect(files.size).toEqual({ images: fit, bytes: MAX_REMEMBERED_BYTES });
    await of(0);
    await of(fit);
    expect(files.size).toEqual({ images: fit, bytes: MAX_REMEMBERED_BYTES });
    const before = views();
    await of(0); // asked for lately
    expect(views()).toBe(before);
    await of(1);
    expect(views()).toBe(before + 1);
  });

  it('are read again after a failure', async () => {
    const { read } = setUp();
    rig.now.fake.fail('Snapshots/View', {});
    await expect(read()).rejects.toThrow('made to fail');
    expect((await read()).passwd?.toString()).toBe('root:x:0:0');
  });

  it('are read again when reading hung, once that was given up', async () => {
    const { host, read } = setUp();
    let release: () => void = () => undefined;
    const { readInRootfs } = host;
    const entered = new Promise<void>((resolve) => {
      host.readInRootfs = () => {
        resolve();
        return new Promise((_resolve, reject) => {
          release = () => reject(new Error('let go'));
        });
      };
    });
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const hanging = read().catch((error: unknown) => error);
    await entered;
    await jest.advanceTimersByTimeAsync(9 * 60_000);
    expect(await hanging).toMatchObject({ name: 'DeadlineError' });
    jest.useRealTimers();
    host.readInRootfs = readInRootfs;
    expect((await read()).passwd?.toString()).toBe('root:x:0:0');
    release();
    const isCleared = async (): Promise<boolean> => Object.keys(await rig.now.leftovers()).length === 0;
    await until('the reading that hung has cleared up', 20_000, isCleared);
  });
});
