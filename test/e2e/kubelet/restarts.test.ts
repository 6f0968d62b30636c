import { testImages } from '../../support/daemon/images/catalog';
import { until } from '../../support/daemon/process';
import {
  findPod,
  type KubeletNode,
  logsOf,
  podUntil,
  putPod,
  startKubeletNode,
} from '../../support/kubelet/kubelet-node';
import { podManifest, shell } from '../../support/kubelet/manifest';
import { containerOf, criId } from '../../support/kubelet/pod-view';
import { BUSYBOX } from '../../support/node/node';

const SECOND = 1000;
/** Says which run of the container this is: the count outlives it. */
const COUNT = 'n=$(cat /count/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /count/n; echo "run $n";';
const counting = { volumeMounts: [{ name: 'count', mountPath: '/count' }] };
const volumes = [{ name: 'count', emptyDir: {} }];

let node: KubeletNode;

beforeAll(async () => {
  // Pauses grow from three seconds at once to three at most, not from ten to five minutes.
  node = await startKubeletNode({ kubelet: { crashLoopBackOff: { maxContainerRestartPeriod: '3s' } } });
  const crasher = shell('main', `${COUNT} exit 7`, counting);
  putPod(node, podManifest('crasher', [crasher, shell('steady', 'sleep 1000')], { volumes }));
  const third = shell('main', `${COUNT} [ $n -ge 3 ]`, counting);
  putPod(node, podManifest('third-time', [third], { volumes, restartPolicy: 'OnFailure' }));
  const stuck = shell('init', `${COUNT} exit 1`, counting);
  putPod(
    node,
    podManifest('no-start', [shell('main', 'sleep 1000')], {
      volumes,
      initContainers: [stuck],
      restartPolicy: 'Never',
    }),
  );
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

describe('a container that crashes', () => {
  it('is started again after a pause, in the same pod', async () => {
    const first = await podUntil(
      node,
      'crasher',
      { what: 'waits for its turn' },
      (pod) => containerOf(pod, 'main').state.waiting?.reason === 'CrashLoopBackOff',
    );
    expect(containerOf(first, 'main').lastState.terminated).toMatchObject({ exitCode: 7, reason: 'Error' });
    const { restartCount } = containerOf(first, 'main');
    const later = await podUntil(
      node,
      'crasher',
      { what: 'has been started twice more' },
      (pod) => containerOf(pod, 'main').restartCount >= restartCount + 2,
    );
    expect(later.status.podIP).toBe(first.status.podIP);
    expect(containerOf(later, 'steady')).toEqual(containerOf(first, 'steady'));
  });

  it('can be asked for the log of the run before', async () => {
    const crashed = await podUntil(
      node,
      'crasher',
      { what: 'waits for its turn' },
      (pod) => containerOf(pod, 'main').state.waiting !== undefined,
    );
    const runs = containerOf(crashed, 'main').restartCount + 1;
    // Waiting lasts three seconds; what is asked now is of the run that has just ended.
    expect(await logsOf(node, 'crasher', 'main', 'previous=true')).toBe(`run ${runs}\n`);
  });

  it('leaves one dead container of each name behind, however often it ran', async () => {
    await podUntil(node, 'crasher', { what: 'ran four times' }, (pod) => containerOf(pod, 'main').restartCount >= 3);
    const uid = (await findPod(node, 'crasher'))?.metadata.uid ?? '';
    const dead = async (): Promise<number> => {
      const { containers } = await node.cri.runtime.listContainers({
        filter: {
          id: '',
          podSandboxId: '',
          state: undefined,
          labelSelector: { 'io.kubernetes.pod.uid': uid, 'io.kubernetes.container.name': 'main' },
        },
      });
      return containers.length;
    };
    await until('the older ones are removed', 30 * SECOND, async () => (await dead()) === 1);
  });

  it('ends its pod well when it succeeds at last', async () => {
    const over = { what: 'has succeeded' };
    const pod = await podUntil(node, 'third-time', over, ({ status }) => status.phase === 'Succeeded');
    expect(containerOf(pod, 'main')).toMatchObject({ restartCount: 2, state: { terminated: { exitCode: 0 } } });
    expect(await logsOf(node, 'third-time', 'main')).toBe('run 3\n');
  });

  it('fails its pod when it is an init container and restarts are not wanted', async () => {
    const over = { what: 'has failed' };
    const pod = await podUntil(node, 'no-start', over, ({ status }) => status.phase === 'Failed');
    expect(containerOf(pod, 'init')).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 1 } } });
    expect(criId(containerOf(pod, 'main'))).toBe('');
  });
});

describe('a container whose image cannot be pulled', () => {
  it(
    'waits, and starts once the image is there',
    async () => {
      const absent = { ...shell('main', 'sleep 1000'), image: 'registry.k8s.io/no/such:1' };
      putPod(node, podManifest('no-image', [absent]));
      const waits = (reason: string) =>
        podUntil(
          node,
          'no-image',
          { what: reason },
          (pod) => containerOf(pod, 'main').state.waiting?.reason === reason,
        );
      const refused = await waits('ErrImagePull');
      expect(containerOf(refused, 'main').state.waiting?.message).toContain('registry.k8s.io/no/such:1');
      await waits('ImagePullBackOff');
      const busybox = testImages().find(({ names }) => names.some((name) => BUSYBOX.endsWith(`/${name}`)));
      await node.registry.push(busybox ? [{ ...busybox, names: ['no/such:1'] }] : []);
      const runs = { what: 'runs', withinMs: 60 * SECOND };
      await podUntil(node, 'no-image', runs, (pod) => containerOf(pod, 'main').state.running !== undefined);
    },
    120 * SECOND,
  );
});
