import { readlinkSync } from 'node:fs';
import { type DeepPartial, type Mount, NamespaceMode, type PodSandboxConfig } from '../../generated/cri/v1/api';
import { Code } from '../../src/rpc/code';
import { isAtHand } from '../support/daemon/containerd';
import { until } from '../support/daemon/process';
import { NGINX, PAUSE, startNode, type TestNode } from '../support/node/node';
import {
  createContainer,
  ensurePulled,
  exec,
  failure,
  logLines,
  logOf,
  nothingLeft,
  podConfig,
  removePod,
  runContainer,
  runPod,
  shell,
} from '../support/node/pods';

const SECOND = 1000;
const HOST_ID = 200_000;
const IDS = [{ hostId: HOST_ID, containerId: 0, length: 65_536 }];
const usernsOptions = { mode: NamespaceMode.POD, uids: IDS, gids: IDS };
const userns = (options: object = {}) => ({
  linux: { securityContext: { namespaceOptions: { usernsOptions: { ...usernsOptions, ...options } } } },
});

/** User namespaces take containerd 2.x, which is tested where it has been built. */
const onTwo = isAtHand('2') ? describe : describe.skip;

onTwo('a pod with a user namespace', () => {
  let node: TestNode;

  beforeAll(async () => {
    node = await startNode({ version: '2', settings: { sandbox_image: PAUSE } });
    await ensurePulled(node, NGINX);
  }, 120 * SECOND);

  afterAll(() => node.stop(), 60 * SECOND);

  it(
    'sees the files of an image volume as its own root’s, whole or a part of it, in every container',
    async () => {
      const pod = await runPod(node, userns());
      const volume = (change: DeepPartial<Mount> = {}): DeepPartial<Mount>[] => [
        { containerPath: '/image', image: { image: NGINX }, readonly: true, ...change },
      ];
      const whole = await runContainer(node, pod, shell('whole', 'sleep 1000', { mounts: volume(), ...userns() }));
      const owner = (id: string, path: string) => exec(node, id, 'stat', '-c', '%u:%g', path);
      expect((await exec(node, whole, 'cat', '/proc/self/uid_map')).stdout).toMatch(/^\s*0\s+200000\s+65536\s*$/);
      for (const path of ['/image', '/image/etc', '/image/etc/passwd'])
        expect((await owner(whole, path)).stdout).toBe('0:0\n');
      expect((await exec(node, whole, 'touch', '/image/new')).stderr).toContain('Read-only file system');

      const mounts = volume({ imageSubPath: 'etc' });
      const part = await runContainer(node, pod, shell('part', 'sleep 1000', { mounts, ...userns() }));
      expect((await owner(part, '/image/passwd')).stdout).toBe('0:0\n');
      await removePod(node, pod);
      await nothingLeft(node);
    },
    60 * SECOND,
  );

  it(
    'lets a process open its own output again by its path',
    async () => {
      const pod = await runPod(node, userns());
      const script = 'echo once; echo again > /dev/stdout; echo aside > /proc/self/fd/2; exec sleep 1000';
      await runContainer(node, pod, shell('main', script, userns()));
      await until('all lines are in the log', 10 * SECOND, async () => logLines(logOf(pod, 'main')).length === 3);
      const lines = logLines(logOf(pod, 'main')).map(({ stream, text }) => `${stream} ${text}`);
      expect(lines.sort()).toEqual(['stderr aside', 'stdout again', 'stdout once']);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    30 * SECOND,
  );

  it(
    'can be on the network of the node, which Status says',
    async () => {
      const { features } = await node.cri.runtime.status({ verbose: false });
      expect(features?.userNamespacesHostNetwork).toBe(true);
      const namespaceOptions = { network: NamespaceMode.NODE, usernsOptions };
      const linux = { securityContext: { namespaceOptions } };
      const pod = await runPod(node, { linux });
      const id = await runContainer(node, pod, shell('main', 'sleep 1000', { linux }));
      expect((await exec(node, id, 'cat', '/proc/self/uid_map')).stdout).toMatch(/^\s*0\s+200000\s+65536\s*$/);
      expect((await exec(node, id, 'readlink', '/proc/self/ns/net')).stdout).toBe(
        `${readlinkSync('/proc/self/ns/net')}\n`,
      );
      expect((await exec(node, id, 'ls', '/sys/class/net')).stdout.split('\n')).toContain('lo');
      expect((await exec(node, id, 'sh', '-c', 'echo 1 > /sys/kernel/mm/ksm/run')).exitCode).not.toBe(0);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    30 * SECOND,
  );

  it.each<[string, object, string]>([
    ['no mapping of users', { uids: [] }, 'uids'],
    ['two mappings of groups', { gids: [...IDS, ...IDS] }, 'gids'],
    ['an empty mapping', { uids: [{ ...IDS[0], length: 0 }] }, 'uids[0].length'],
    ['a mapping without root', { uids: [{ ...IDS[0], containerId: 1 }] }, 'uids[0].container_id'],
    ['a mapping beyond the last id', { gids: [{ ...IDS[0], hostId: 2 ** 32 - 1 }] }, 'gids[0]'],
    ['the mode CONTAINER', { mode: NamespaceMode.CONTAINER }, 'mode'],
    ['the mode TARGET', { mode: NamespaceMode.TARGET }, 'mode'],
    ['mappings for the namespace of the node', { mode: NamespaceMode.NODE }, 'uids'],
  ])('is refused with %s, naming the field, and leaves nothing', async (_what, options, field) => {
    const config = podConfig(node, userns(options) as DeepPartial<PodSandboxConfig>);
    const { code, message } = await failure(node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' }));
    expect(code).toBe(Code.INVALID_ARGUMENT);
    expect(message).toContain(`config.linux.security_context.namespace_options.userns_options.${field}`);
    await nothingLeft(node);
  });

  it(
    'refuses a container whose user namespace is not its own',
    async () => {
      const pod = await runPod(node, userns());
      const before = node.left();
      for (const other of [{}, userns({ uids: [{ ...IDS[0], hostId: HOST_ID + 65_536 }] })]) {
        const { code, message } = await failure(createContainer(node, pod, shell('other', 'true', other)));
        expect(code).toBe(Code.INVALID_ARGUMENT);
        expect(message).toContain("userns_options: differs from the pod's");
        expect(node.left()).toBe(before);
      }
      await removePod(node, pod);
      await nothingLeft(node);
    },
    30 * SECOND,
  );
});
