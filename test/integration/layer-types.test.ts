import { tar } from '../../scripts/local-images/tar';
import { Code } from '../../src/rpc/code';
import type { ImageDefinition } from '../support/daemon/images/push';
import { file } from '../support/daemon/images/trees';
import { PAUSE, startNode, type TestNode } from '../support/node/node';
import { ensurePulled, exec, failure, nothingLeft, removePod, runContainer, runPod, shell } from '../support/node/pods';

const SECOND = 1000;
let node: TestNode;

beforeAll(async () => {
  node = await startNode({ settings: { sandbox_image: PAUSE } });
}, 60 * SECOND);

afterAll(() => node.stop(), 60 * SECOND);

/** Pushes an image of one file, packed so; answers its reference. */
async function push(packing: ImageDefinition['packing']): Promise<string> {
  const name = `layers/${packing}:1`;
  const layers = [tar([file('etc/packed', `${packing}`)])];
  await node.registry.push([{ names: [name], layers, config: { Cmd: ['x'] }, shape: 'plain', packing }]);
  return `registry.k8s.io/${name}`;
}

describe('an image whose layers are', () => {
  it.each(['zstd', 'none'] as const)(
    'packed with %s is unpacked',
    async (packing) => {
      const image = await push(packing);
      await ensurePulled(node, image);
      const pod = await runPod(node);
      const mounts = [{ containerPath: '/image', image: { image }, readonly: true }];
      const id = await runContainer(node, pod, shell('main', 'sleep 1000', { mounts }));
      expect((await exec(node, id, 'cat', '/image/etc/packed')).stdout).toBe(packing);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    30 * SECOND,
  );

  it('encrypted, on a containerd without a program that decrypts, fails by the name of their type', async () => {
    const { code, message } = await failure(ensurePulled(node, await push('encrypted')));
    expect(code).toBe(Code.UNKNOWN);
    expect(message).toContain('of the type "application/vnd.oci.image.layer.v1.tar+gzip+encrypted" cannot be unpacked');
    await nothingLeft(node);
  });
});
