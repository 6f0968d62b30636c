import { ContainerState, PodSandboxState } from '../../generated/cri/v1/api';
import { isAtHand } from '../support/daemon/containerd';
import { shimPids } from '../support/daemon/leftovers';
import { until } from '../support/daemon/process';
import { PAUSE, startNode, type TestNode } from '../support/node/node';
import {
  exec,
  exitOf,
  nothingLeft,
  type Pod,
  podStatusOf,
  removePod,
  runContainer,
  runPod,
  serving,
  shell,
} from '../support/node/pods';

const SECOND = 1000;
const SLEEPS = 'trap exit TERM; while :; do sleep 1; done';
const runtimes = { runc: { runtime_type: 'io.containerd.runc.v2', pods_per_shim: 2 } };

describe.each((['1.6', '2'] as const).filter(isAtHand))('two pods per shim on containerd %s', (version) => {
  let node: TestNode;

  beforeAll(async () => {
    node = await startNode({ version, settings: { sandbox_image: PAUSE, containerd: { runtimes } } });
  }, 120 * SECOND);

  afterAll(async () => {
    await node.stop();
  }, 60 * SECOND);

  const shims = (): number => shimPids(node.containerd.address).length;
  const inShims = (count: number): Promise<void> =>
    until(`${count} shims are there`, 20 * SECOND, async () => shims() === count);
  const state = async (pod: Pod): Promise<PodSandboxState> => (await podStatusOf(node, pod)).state;

  it(
    'hold the containers of both, whichever leaves first, also over a restart, and end with the last',
    async () => {
      const pods = [await runPod(node), await runPod(node)] as const;
      const first = await runContainer(node, pods[0], shell('main', SLEEPS));
      const second = await runContainer(node, pods[1], shell('main', SLEEPS));
      expect(shims()).toBe(1);
      await node.crisp.kill();
      await node.crisp.start();
      await serving(node);
      const third = await runPod(node);
      await inShims(2);
      await removePod(node, pods[0]);
      expect((await exec(node, second, 'echo', 'there')).stdout).toBe('there\n');
      const fourth = await runPod(node);
      expect(await state(fourth)).toBe(PodSandboxState.SANDBOX_READY);
      await inShims(2);
      await expect(exec(node, first, 'true')).rejects.toThrow();
      for (const pod of [pods[1], third, fourth]) await removePod(node, pod);
      await inShims(0);
      await nothingLeft(node);
    },
    60 * SECOND,
  );

  it(
    'end with their shim: their containers are EXITED with an unknown code, their pods not ready',
    async () => {
      const pods = [await runPod(node), await runPod(node)] as const;
      const before = shimPids(node.containerd.address);
      expect(before).toHaveLength(1);
      const other = await runPod(node);
      const ids = await Promise.all(pods.map((pod) => runContainer(node, pod, shell('main', SLEEPS))));
      const kept = await runContainer(node, other, shell('main', SLEEPS));
      for (const pid of before) process.kill(pid, 'SIGKILL');
      const ends = await Promise.all(ids.map((id) => exitOf(node, id, 20 * SECOND)));
      expect(ends.map(({ exitCode }) => exitCode)).toEqual([255, 255]);
      for (const pod of pods) {
        await until('the pod is not ready', 20 * SECOND, async () => {
          return (await state(pod)) === PodSandboxState.SANDBOX_NOTREADY;
        });
      }
      expect(await state(other)).toBe(PodSandboxState.SANDBOX_READY);
      const { status } = await node.cri.runtime.containerStatus({ containerId: kept, verbose: false });
      expect(status?.state).toBe(ContainerState.CONTAINER_RUNNING);
      // containerd answers "ttrpc: closed" until it has put away the tasks of a shim that is gone; kubelet asks again.
      for (const pod of [...pods, other]) {
        const removed = () =>
          removePod(node, pod).then(
            () => true,
            () => false,
          );
        await until('the pod is removed', 30 * SECOND, removed);
      }
      await inShims(0);
      await nothingLeft(node);
    },
    120 * SECOND,
  );
});
