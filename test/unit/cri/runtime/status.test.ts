import { status } from '../../../../src/cri/runtime/status';
import { useRig } from '../../../support/use-rig';

const TWO_HANDLERS = `
ignore_deprecation_warnings = ["io.containerd.deprecation/old"]
[containerd.runtimes.other]
runtime_type = "io.containerd.other.v1"
`;

describe('Status', () => {
  const rig = useRig({ config: TWO_HANDLERS });
  const ask = (verbose = false) => status(rig.now.deps, { verbose }, rig.now.call());
  const condition = async (type: string) => (await ask()).status?.conditions.find((each) => each.type === type);
  const deprecate = (...ids: string[]): void => {
    rig.now.fake.world.deprecations = ids.map((id) => ({ id, message: `${id}!` }));
  };

  it('is ready where containerd answers and the network is there', async () => {
    expect((await ask()).status?.conditions).toEqual([
      { type: 'RuntimeReady', status: true, reason: '', message: '' },
      { type: 'NetworkReady', status: true, reason: '', message: '' },
      { type: 'ContainerdHasNoDeprecationWarnings', status: true, reason: '', message: '' },
    ]);
  });

  it('tells what containerd says will go away, but for what is not to be told', async () => {
    deprecate('io.containerd.deprecation/old', 'io.containerd.deprecation/new');
    expect(await condition('ContainerdHasNoDeprecationWarnings')).toEqual({
      type: 'ContainerdHasNoDeprecationWarnings',
      status: false,
      reason: 'ContainerdHasDeprecationWarnings',
      message: '{"io.containerd.deprecation/new":"io.containerd.deprecation/new!"}',
    });
    deprecate('io.containerd.deprecation/old');
    expect(await condition('ContainerdHasNoDeprecationWarnings')).toMatchObject({ status: true, message: '' });
  });

  it('is not ready while containerd does not answer, and answers all the same', async () => {
    rig.now.fake.fail('Version/Version', { nth: 'always' });
    rig.now.fake.fail('Introspection/Server', { nth: 'always' });
    const { status: found } = await ask();
    expect(found?.conditions).toEqual([
      {
        type: 'RuntimeReady',
        status: false,
        reason: 'ContainerdNotReady',
        message: expect.stringContaining('made to fail'),
      },
      { type: 'NetworkReady', status: true, reason: '', message: '' },
    ]);
  });

  it('is not ready while pods are being recovered', async () => {
    rig.now.deps.readiness.problem = 'pods are being recovered';
    expect(await condition('RuntimeReady')).toMatchObject({ status: false, message: 'pods are being recovered' });
  });

  it('passes on what the network lacks', async () => {
    rig.now.networks.answer = { ready: false, reason: 'NetworkPluginNotReady', message: 'no configuration' };
    expect(await condition('NetworkReady')).toEqual({
      type: 'NetworkReady',
      status: false,
      reason: 'NetworkPluginNotReady',
      message: 'no configuration',
    });
  });

  it('has an entry for each handler and one without a name for the default', async () => {
    const features = { recursiveReadOnlyMounts: false, userNamespaces: false };
    expect((await ask()).runtimeHandlers).toEqual(['', 'runc', 'other'].map((name) => ({ name, features })));
  });

  it('tells the configuration under the keys of containerd when asked for more', async () => {
    expect((await ask()).info).toEqual({});
    const { info } = await ask(true);
    expect(Object.keys(info).sort()).toEqual(
      ['cniconfig', 'config', 'lastCNILoadStatus', 'lastCNILoadStatus.other', 'lastCNILoadStatus.runc', 'node'].sort(),
    );
    expect(JSON.parse(info.config ?? '')).toMatchObject({
      sandboxImage: rig.now.deps.config.sandbox_image,
      containerd: { defaultRuntimeName: 'runc', runtimes: { other: { runtimeType: 'io.containerd.other.v1' } } },
    });
    expect(info.lastCNILoadStatus).toBe('OK');
  });
});

describe('Status where a runtime has more features', () => {
  const rig = useRig({ userns: true });

  it('says so, of the handler and of pods on the network of the host', async () => {
    const { runtimeHandlers, features } = await status(rig.now.deps, { verbose: false }, rig.now.call());
    expect(runtimeHandlers.map((each) => each.features?.userNamespaces)).toEqual([true, true]);
    expect(features).toEqual({ supplementalGroupsPolicy: true, userNamespacesHostNetwork: true, mountOptions: true });
  });
});
