import { silentLogger } from '../../../../src/base/logger';
import { HandlerFeatures } from '../../../../src/cri/runtime/handler-features';
import { useRig } from '../../../support/use-rig';

const WITH_USERNS =
  '{"mountOptions":["rro"],"linux":{"namespaces":["user"],"mountExtensions":{"idmap":{"enabled":true}}}}';

const rig = useRig({ userns: true });
let probes: number;

function features(probe: () => Promise<Buffer>): HandlerFeatures {
  probes = 0;
  const runFeatures = (): Promise<Buffer> => {
    probes += 1;
    return probe();
  };
  const { containerd } = rig.now.deps;
  return new HandlerFeatures({ containerd, facts: () => rig.now.host.facts, log: silentLogger, runFeatures });
}

describe('The features of a handler', () => {
  afterEach(() => void jest.restoreAllMocks());

  const handler = () => rig.now.deps.handlers.default;
  const good = async (): Promise<Buffer> => Buffer.from(WITH_USERNS);
  const AVAILABLE = { recursiveReadOnlyMounts: true, usernsMissing: '', unsafeAnnotations: [] };

  /** Lets so much time pass on the clock that tells when to ask again. */
  function pass(ms: number): void {
    const at = performance.now() + ms;
    jest.spyOn(performance, 'now').mockReturnValue(at);
  }

  it('are asked once, also by several at the same time', async () => {
    const known = features(good);
    expect(await Promise.all([known.of(handler()), known.of(handler())])).toEqual([AVAILABLE, AVAILABLE]);
    pass(3_600_000);
    expect([await known.of(handler()), probes]).toEqual([AVAILABLE, 1]);
  });

  it('are read whatever the case of their keys', async () => {
    const known = features(async () =>
      Buffer.from(WITH_USERNS.replace('mountOptions', 'MountOptions').replace('linux', 'Linux')),
    );
    expect(await known.of(handler())).toEqual(AVAILABLE);
  });

  it('count as missing when the runtime fails, and are asked again a minute later', async () => {
    let broken = true;
    const known = features(async () => {
      if (broken) throw new Error('exec format error');
      return good();
    });
    expect(await known.of(handler())).toMatchObject({ recursiveReadOnlyMounts: false });
    broken = false;
    expect(await known.of(handler())).toMatchObject({ recursiveReadOnlyMounts: false });
    expect(probes).toBe(1);
    pass(61_000);
    expect(await known.of(handler())).toEqual(AVAILABLE);
  });

  it('but user namespaces are known when containerd cannot tell of its snapshotter, which fails no pod', async () => {
    const known = features(good);
    rig.now.fake.fail('Introspection/Plugins', {});
    expect(await known.of(handler())).toMatchObject({
      recursiveReadOnlyMounts: true,
      usernsMissing: expect.stringContaining('could not be asked'),
    });
    pass(61_000);
    expect(await known.of(handler())).toEqual(AVAILABLE);
  });
});
