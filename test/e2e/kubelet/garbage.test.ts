import { testImages } from '../../support/daemon/images/catalog';
import { until } from '../../support/daemon/process';
import { type KubeletNode, podUntil, putPod, startKubeletNode } from '../../support/kubelet/kubelet-node';
import { podManifest, shell, web } from '../../support/kubelet/manifest';
import { containerOf, criId } from '../../support/kubelet/pod-view';
import { NGINX, PAUSE } from '../../support/node/node';
import { ensurePulled } from '../../support/node/pods';

const SECOND = 1000;
const UNUSED = 'docker.io/library/busybox:1.28';

let node: KubeletNode;

beforeAll(async () => {
  const keepNone = ['--maximum-dead-containers-per-container=0', '--minimum-container-ttl-duration=1s'];
  node = await startKubeletNode({ flags: keepNone });
  await node.registry.push(testImages().filter(({ names }) => names.some((name) => UNUSED.endsWith(name))));
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

async function images(): Promise<string[]> {
  const { images: found } = await node.cri.images.listImages({ filter: undefined });
  return found.flatMap(({ repoTags }) => repoTags).sort();
}

describe('what kubelet collects', () => {
  it(
    'is a dead container that it need not keep, of a pod that runs on',
    async () => {
      putPod(node, podManifest('main', [web('web'), shell('brief', 'exit 0')], { restartPolicy: 'Never' }));
      const over = (name: string) => ({ what: `${name} has ended` });
      const pod = await podUntil(node, 'main', over('brief'), (seen) => {
        return containerOf(seen, 'brief').state.terminated !== undefined && containerOf(seen, 'web').ready;
      });
      const dead = criId(containerOf(pod, 'brief'));
      await until('it is removed', 100 * SECOND, async () => {
        const { containers } = await node.cri.runtime.listContainers({ filter: undefined });
        return containers.every(({ id }) => id !== dead);
      });
      const { containers } = await node.cri.runtime.listContainers({ filter: undefined });
      // kubelet, which knows nothing of the dead one any more, may have started another by now.
      const others = containers.filter(({ metadata }) => metadata?.name !== 'brief');
      expect(others.map(({ id }) => id)).toEqual([criId(containerOf(pod, 'web'))]);
    },
    150 * SECOND,
  );

  it(
    'are images that no container uses, when the disk is too full; never the pause image',
    async () => {
      // Where no pod needs a pause task, nothing has brought its image yet.
      for (const image of [PAUSE, UNUSED]) await ensurePulled(node, image);
      const before = await podUntil(node, 'main', { what: 'is shown' }, () => true);
      expect(await images()).toContain(UNUSED);
      await node.kubelet.stop();
      // It has to be emptier than it can be. Pods stay: those that come from files are not evicted.
      await node.kubelet.start({ evictionHard: { 'imagefs.available': '99.9%' }, imageMinimumGCAge: '1s' });
      await until('only what is used is left', 60 * SECOND, async () => {
        return (await images()).join() === [NGINX, PAUSE].sort().join();
      });
      const after = await podUntil(node, 'main', { what: 'is shown' }, () => true);
      expect(containerOf(after, 'web')).toEqual(containerOf(before, 'web'));
    },
    120 * SECOND,
  );
});
