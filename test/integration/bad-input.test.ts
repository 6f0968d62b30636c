import {
  type ContainerConfig,
  type DeepPartial,
  NamespaceMode,
  type PodSandboxConfig,
} from '../../generated/cri/v1/api';
import { tar } from '../../scripts/local-images/tar';
import { Code, codeName } from '../../src/rpc/code';
import { file } from '../support/daemon/images/trees';
import { BUSYBOX, PAUSE, startNode, type TestNode } from '../support/node/node';
import {
  createContainer,
  ensurePulled,
  failure,
  nothingLeft,
  type Pod,
  podConfig,
  podStatusOf,
  removePod,
  runPod,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;
const NOBODY = 'f'.repeat(64);
const { INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION } = Code;

let node: TestNode;

beforeAll(async () => {
  node = await startNode({ settings: { sandbox_image: PAUSE } });
  await ensurePulled(node, BUSYBOX);
}, 60 * SECOND);

afterAll(async () => {
  await node.stop();
}, 60 * SECOND);

/** What a call is refused with; the code by its name. */
async function refused(call: Promise<unknown>): Promise<{ code: string; message: string }> {
  const { code, message } = await failure(call);
  return { code: codeName(code), message };
}

function answer(code: number, ...words: string[]): { code: string; message: unknown } {
  const pattern = words.map((word) => word.replaceAll(/[.[\]]/g, '\\$&')).join('[^]*');
  return { code: codeName(code), message: expect.stringMatching(new RegExp(pattern)) };
}

describe('RunPodSandbox', () => {
  const bad: [string, DeepPartial<PodSandboxConfig>, number, string][] = [
    ['no metadata', { metadata: undefined }, INVALID_ARGUMENT, 'config.metadata'],
    ['no name', { metadata: { namespace: 'a', uid: 'a' } }, INVALID_ARGUMENT, 'config.metadata.name'],
    ['no namespace', { metadata: { name: 'a', uid: 'a' } }, INVALID_ARGUMENT, 'config.metadata.namespace'],
    ['no uid', { metadata: { name: 'a', namespace: 'a' } }, INVALID_ARGUMENT, 'config.metadata.uid'],
    [
      'a user namespace on 1.6',
      {
        linux: {
          securityContext: {
            namespaceOptions: {
              usernsOptions: {
                mode: NamespaceMode.POD,
                uids: [{ hostId: 100000, containerId: 0, length: 65536 }],
                gids: [{ hostId: 100000, containerId: 0, length: 65536 }],
              },
            },
          },
        },
      },
      INVALID_ARGUMENT,
      'userns_options',
    ],
    [
      'a group without a user',
      { linux: { securityContext: { runAsGroup: { value: 1n } } } },
      INVALID_ARGUMENT,
      'config.linux.security_context.run_as_group',
    ],
    [
      'a user out of range',
      { linux: { securityContext: { runAsUser: { value: 2n ** 31n } } } },
      INVALID_ARGUMENT,
      'config.linux.security_context.run_as_user',
    ],
    [
      'a profile that is not there',
      { linux: { securityContext: { seccomp: { profileType: 2, localhostRef: '/nowhere/profile.json' } } } },
      INVALID_ARGUMENT,
      'seccomp',
    ],
    ['a CNI argument in its name', { metadata: { name: 'a;X=1', namespace: 'a', uid: 'a' } }, INVALID_ARGUMENT, 'name'],
    [
      'a bandwidth that is none',
      { annotations: { 'kubernetes.io/ingress-bandwidth': 'fast' } },
      INVALID_ARGUMENT,
      'kubernetes.io/ingress-bandwidth',
    ],
  ];

  it.each(bad)('refuses %s, naming the field, and leaves nothing', async (_what, input, code, field) => {
    const config = podConfig(node, input);
    const call = node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' });
    expect(await refused(call)).toEqual(answer(code, field));
    await nothingLeft(node);
  });

  it('refuses a handler that nobody configured', async () => {
    const call = node.cri.runtime.runPodSandbox({ config: podConfig(node), runtimeHandler: 'nobody' });
    expect(await refused(call)).toEqual(answer(INVALID_ARGUMENT, 'runtime_handler', 'nobody'));
    await nothingLeft(node);
  });

  it('refuses a name that is taken by another pod, naming it', async () => {
    const pod = await runPod(node);
    const config = { ...pod.config, hostname: 'another' };
    const call = node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' });
    expect(await refused(call)).toEqual(answer(Code.ALREADY_EXISTS, pod.id));
    await removePod(node, pod);
    await nothingLeft(node);
  });
});

describe('CreateContainer', () => {
  let pod: Pod;

  beforeAll(async () => {
    pod = await runPod(node);
  }, 30 * SECOND);

  afterAll(async () => {
    await removePod(node, pod);
    await nothingLeft(node);
  });

  const security = (securityContext: object): DeepPartial<ContainerConfig> => ({ linux: { securityContext } });
  const bad: [string, DeepPartial<ContainerConfig>, number, string][] = [
    ['no metadata', { metadata: undefined }, INVALID_ARGUMENT, 'config.metadata'],
    ['no name', { metadata: { name: '' } }, INVALID_ARGUMENT, 'config.metadata.name'],
    ['no image', { image: undefined }, INVALID_ARGUMENT, 'config.image'],
    ['an image that is not here', { image: { image: 'example.org/nothing:1' } }, NOT_FOUND, 'example.org/nothing:1'],
    ['a log that leaves its directory', { logPath: '../../../cron.d/x' }, INVALID_ARGUMENT, 'config.log_path'],
    ['an absolute log path', { logPath: '/etc/cron.d/x' }, INVALID_ARGUMENT, 'config.log_path'],
    ['a user out of range', security({ runAsUser: { value: 2n ** 31n } }), INVALID_ARGUMENT, 'run_as_user'],
    ['a negative user', security({ runAsUser: { value: -1n } }), INVALID_ARGUMENT, 'run_as_user'],
    ['a number as a name', security({ runAsUsername: '4294967296' }), INVALID_ARGUMENT, 'run_as_username'],
    ['a user that the image lacks', security({ runAsUsername: 'nobody-here' }), INVALID_ARGUMENT, 'run_as_username'],
    ['a group without a user', security({ runAsGroup: { value: 1n } }), INVALID_ARGUMENT, 'run_as_group'],
    ['privileges in a pod without', security({ privileged: true }), INVALID_ARGUMENT, 'privileged'],
    [
      'a target that is not there',
      security({ namespaceOptions: { pid: NamespaceMode.TARGET, targetId: NOBODY } }),
      INVALID_ARGUMENT,
      'target_id',
    ],
    [
      'an environment that is no UTF-8',
      { envs: [{ key: 'BYTES', value: Buffer.from([0x66, 0xff, 0xfe]) }] },
      INVALID_ARGUMENT,
      'config.envs[0].value',
    ],
    ['a mount from nowhere', { mounts: [{ containerPath: '/x' }] }, INVALID_ARGUMENT, 'config.mounts[0].host_path'],
    [
      'a relative mount',
      { mounts: [{ containerPath: '/x', hostPath: 'tmp' }] },
      INVALID_ARGUMENT,
      'config.mounts[0].host_path',
    ],
    [
      'a device that is not there',
      { devices: [{ hostPath: '/dev/nothing', containerPath: '/dev/nothing', permissions: 'r' }] },
      INVALID_ARGUMENT,
      'config.devices[0]',
    ],
  ];

  it.each(bad)('refuses %s, naming the field, and leaves nothing', async (_what, input, code, field) => {
    const before = node.left();
    const call = node.cri.runtime.createContainer({
      podSandboxId: pod.id,
      config: shell('bad', 'true', input),
      sandboxConfig: pod.config,
    });
    expect(await refused(call)).toEqual(answer(code, field));
    expect(node.left()).toBe(before);
  });

  it.each([
    ['larger than 10 MiB', file('etc/passwd', Buffer.alloc(11 << 20, 'x:x:1:1::/:\n'))],
    ['no regular file', { kind: 'directory', name: 'etc/passwd/', mode: 0o755 } as const],
  ])('refuses a passwd file that is %s', async (what, entry) => {
    const base = tar([{ kind: 'directory', name: 'etc/', mode: 0o755 }, entry]);
    const names = [`bad/passwd-${what.length}:1`];
    await node.registry.push([{ names, layers: [base], config: { Cmd: ['x'], User: 'web' }, shape: 'plain' }]);
    const image = `registry.k8s.io/${names[0]}`;
    const config = shell('bad', 'true', { image: { image } });
    expect(await refused(createContainer(node, pod, config))).toEqual(answer(INVALID_ARGUMENT, '/etc/passwd'));
  });

  it.each(['../../etc', 'etc/../../bin', '/../etc', 'not/there'])(
    'refuses the sub path %s of an image volume, which leaves nothing once the pod goes',
    async (imageSubPath) => {
      const apart = await runPod(node);
      const mounts = [{ containerPath: '/x', image: { image: BUSYBOX }, imageSubPath, readonly: true }];
      const call = createContainer(node, apart, shell('volume', 'true', { mounts }));
      expect(await refused(call)).toEqual(answer(INVALID_ARGUMENT, 'ImageVolumeMountFailed', imageSubPath));
      const before = node.left();
      await removePod(node, apart);
      expect(node.left()).not.toBe(before);
    },
  );

  it('keeps labels of an image under reserved prefixes off the record, and those of pods too', async () => {
    const labels = { 'containerd.io/restart.status': 'running', 'io.cri-containerd.kind': 'sandbox', plain: 'yes' };
    const layers = [tar([file('etc/hello', 'x')])];
    await node.registry.push([
      { names: ['bad/labels:1'], layers, config: { Cmd: ['x'], Labels: labels }, shape: 'plain' },
    ]);
    const config = shell('labels', 'true', { image: { image: 'registry.k8s.io/bad/labels:1' }, labels });
    const id = await createContainer(node, pod, config);
    const info = JSON.parse(node.containerd.ctr('containers', 'info', id)) as { Labels: Record<string, string> };
    expect(info.Labels).toEqual({ plain: 'yes', 'io.cri-containerd.kind': 'container' });
    expect((await statusOf(node, id)).labels).toEqual(labels);
    await node.cri.runtime.removeContainer({ containerId: id });
  });

  it('runs a command that is not there into an exited container that says so', async () => {
    const id = await createContainer(node, pod, shell('nothing', '', { command: ['/nothing'] }));
    expect((await failure(node.cri.runtime.startContainer({ containerId: id }))).message).toContain('/nothing');
    expect(await statusOf(node, id)).toMatchObject({ exitCode: 128, reason: 'StartError' });
    await node.cri.runtime.removeContainer({ containerId: id });
    expect(await podStatusOf(node, pod)).toMatchObject({ state: 0 });
  });

  it('is refused in a pod that is stopped', async () => {
    const stopped = await runPod(node);
    await node.cri.runtime.stopPodSandbox({ podSandboxId: stopped.id });
    const call = createContainer(node, stopped, shell('late', 'true'));
    expect(await refused(call)).toEqual(answer(FAILED_PRECONDITION, stopped.id));
    await removePod(node, stopped);
  });
});

describe('an id that nobody has', () => {
  const [containerId, podSandboxId] = [NOBODY, NOBODY];
  const unknown: [string, () => Promise<unknown>][] = [
    ['PodSandboxStatus', () => node.cri.runtime.podSandboxStatus({ podSandboxId, verbose: false })],
    ['ContainerStatus', () => node.cri.runtime.containerStatus({ containerId, verbose: false })],
    ['StartContainer', () => node.cri.runtime.startContainer({ containerId })],
    ['ExecSync', () => node.cri.runtime.execSync({ containerId, cmd: ['true'], timeout: 1n })],
    ['ContainerStats', () => node.cri.runtime.containerStats({ containerId })],
    ['PodSandboxStats', () => node.cri.runtime.podSandboxStats({ podSandboxId })],
    ['ReopenContainerLog', () => node.cri.runtime.reopenContainerLog({ containerId })],
    ['CreateContainer', () => createContainer(node, { id: NOBODY, config: podConfig(node) }, shell('x', 'true'))],
  ];

  it.each(unknown)('is NOT_FOUND to %s', async (_name, call) => {
    expect(await refused(call())).toEqual(answer(NOT_FOUND, NOBODY));
  });

  const fine: [string, () => Promise<unknown>][] = [
    ['StopPodSandbox', () => node.cri.runtime.stopPodSandbox({ podSandboxId })],
    ['RemovePodSandbox', () => node.cri.runtime.removePodSandbox({ podSandboxId })],
    ['StopContainer', () => node.cri.runtime.stopContainer({ containerId, timeout: 1n })],
    ['RemoveContainer', () => node.cri.runtime.removeContainer({ containerId })],
  ];

  it.each(fine)('is fine to %s', async (_name, call) => {
    expect(await call()).toEqual({});
  });
});
