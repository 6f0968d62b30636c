import { ContainerState, PodSandboxState } from '../../generated/cri/v1/api';
import { shimOf } from '../support/daemon/leftovers';
import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import {
  exec,
  failure,
  nothingLeft,
  type Pod,
  podStatusOf,
  removePod,
  runContainer,
  runPod,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;

let node: TestNode;
let stuck: { pod: Pod; id: string; shim: number };
let well: { pod: Pod; id: string };

async function timed<T>(act: Promise<T>): Promise<{ ms: number; outcome: T }> {
  const started = performance.now();
  const outcome = await act;
  return { ms: performance.now() - started, outcome };
}

const stop = (timeoutMs = 60 * SECOND): Promise<unknown> =>
  node.cri.runtime.stopContainer({ containerId: stuck.id, timeout: 1n }, { timeoutMs });

beforeAll(async () => {
  node = await startNode();
  const sleeper = async (): Promise<{ pod: Pod; id: string }> => {
    const pod = await runPod(node);
    return { pod, id: await runContainer(node, pod, shell('sleeper', 'sleep 1000')) };
  };
  const first = await sleeper();
  well = await sleeper();
  stuck = { ...first, shim: shimOf(node.containerd.address, first.pod.id) };
  process.kill(stuck.shim, 'SIGSTOP');
}, 60 * SECOND);
afterAll(async () => {
  process.kill(stuck.shim, 'SIGCONT');
  await removePod(node, stuck.pod);
  await removePod(node, well.pod);
  await nothingLeft(node);
  await node.stop();
}, 120 * SECOND);

describe('A shim that hangs', () => {
  it('does not slow down lists and statuses, its own neither', async () => {
    const { runtime } = node.cri;
    const asks: Record<string, () => Promise<unknown>> = {
      pods: () => runtime.listPodSandbox({ filter: undefined }),
      containers: () => runtime.listContainers({ filter: undefined }),
      'container stats': () => runtime.listContainerStats({ filter: undefined }),
      'pod stats': () => runtime.listPodSandboxStats({ filter: undefined }),
      'pod metrics': () => runtime.listPodSandboxMetrics({}),
      container: () => statusOf(node, stuck.id),
      pod: () => podStatusOf(node, stuck.pod),
      node: () => runtime.status({ verbose: true }),
    };
    for (const ask of Object.values(asks)) expect((await timed(ask())).ms).toBeLessThan(5 * SECOND);
    // What did not answer once is not waited for again: that would be there each time, a machine that stalls is not.
    const times: number[] = [];
    for (let i = 0; i < 5; i++) times.push((await timed(Promise.all(Object.values(asks).map((ask) => ask())))).ms);
    expect(Math.min(...times)).toBeLessThan(SECOND);
  });

  it('hides no metrics of its container: the kernel tells them', async () => {
    const { podMetrics } = await node.cri.runtime.listPodSandboxMetrics({});
    const namesOf = (id: string): string[] => {
      const containers = podMetrics.flatMap(({ containerMetrics }) => containerMetrics);
      return containers.find(({ containerId }) => containerId === id)?.metrics.map(({ name }) => name) ?? [];
    };
    const names = namesOf(stuck.id);
    expect(names).toEqual(expect.arrayContaining(['container_file_descriptors', 'container_sockets']));
    // What a container has read from a disk by then is another matter.
    const alike = (id: string): string[] =>
      [...new Set(namesOf(id))].filter((name) => !/blkio|_fs_(reads|writes)/.test(name));
    expect(alike(stuck.id).sort()).toEqual(alike(well.id).sort());
  });

  it(
    'fails the commands that are run in it, in their time',
    async () => {
      const request = { containerId: stuck.id, cmd: ['true'], timeout: 2n };
      const { ms, outcome } = await timed(failure(node.cri.runtime.execSync(request)));
      expect(outcome.message).toMatch(/longer than|deadline/i);
      expect(ms).toBeLessThan(10 * SECOND);
    },
    60 * SECOND,
  );

  it(
    'is no concern of other pods',
    async () => {
      expect((await exec(node, well.id, 'echo', 'hello')).stdout).toBe('hello\n');
      const pod = await runPod(node);
      const id = await runContainer(node, pod, shell('other', 'sleep 1000'));
      await node.cri.runtime.stopContainer({ containerId: id, timeout: 0n });
      await removePod(node, pod);
    },
    60 * SECOND,
  );

  it(
    'is in doubt for a crisp that starts meanwhile, which lets it live and asks again',
    async () => {
      const before = await statusOf(node, stuck.id);
      await node.crisp.kill();
      await node.crisp.start();
      expect((await statusOf(node, well.id)).state).toBe(ContainerState.CONTAINER_RUNNING);
      // kubelet kills a pod that is NOTREADY and a container that is UNKNOWN: what is not known is what it was.
      expect((await statusOf(node, stuck.id)).state).toBe(ContainerState.CONTAINER_RUNNING);
      expect((await podStatusOf(node, stuck.pod)).state).toBe(PodSandboxState.SANDBOX_READY);
      process.kill(stuck.shim, 'SIGCONT');
      await until('nothing is in doubt', 60 * SECOND, async () => {
        const { info } = await node.cri.runtime.status({ verbose: true });
        return !(info.pending ?? '').includes('the state of');
      });
      expect(await statusOf(node, stuck.id)).toEqual(before);
      expect((await exec(node, stuck.id, 'echo', 'hello')).stdout).toBe('hello\n');
    },
    150 * SECOND,
  );

  it(
    'fails the stop of its container when its caller gives up, not before',
    async () => {
      process.kill(stuck.shim, 'SIGSTOP');
      const { ms } = await timed(failure(stop(35 * SECOND)));
      expect(ms).toBeGreaterThan(34 * SECOND);
      expect(ms).toBeLessThan(50 * SECOND);
      expect((await statusOf(node, stuck.id)).state).toBe(ContainerState.CONTAINER_RUNNING);
    },
    90 * SECOND,
  );

  it(
    'goes on, and then the stop can be repeated',
    async () => {
      process.kill(stuck.shim, 'SIGCONT');
      await stop();
      expect((await statusOf(node, stuck.id)).state).toBe(ContainerState.CONTAINER_EXITED);
    },
    60 * SECOND,
  );
});
