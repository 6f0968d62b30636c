import { existsSync } from 'node:fs';

import { ContainerState, PodSandboxState } from '../../generated/cri/v1/api';
import { Code } from '../../src/rpc/code';
import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import {
  createContainer,
  exec,
  exitOf,
  failure,
  logLines,
  logOf,
  nothingLeft,
  type Pod,
  podStatusOf,
  removePod,
  runContainer,
  runPod,
  serving,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;
/** Counts up, one line each; long lines so that a torn one would show. */
const COUNT = 'i=0; while true; do i=$((i+1)); echo "line $i $(printf %0200d $i)"; usleep 1000; done';

let node: TestNode;

beforeAll(async () => {
  node = await startNode();
}, 60 * SECOND);

afterAll(async () => {
  await node.stop();
}, 60 * SECOND);

/** Every status of a pod with its containers, as text. */
async function everything(pod: Pod, ids: readonly string[]): Promise<string> {
  const statuses = [await podStatusOf(node, pod), ...(await Promise.all(ids.map((id) => statusOf(node, id))))];
  return JSON.stringify(statuses, (_key, value) => (typeof value === 'bigint' ? String(value) : value), 1);
}

function numbersIn(path: string): number[] {
  return logLines(path).map(({ text }) => {
    const [word, number, padded] = text.split(' ');
    expect({ word, padded: Number(padded) }).toEqual({ word: 'line', padded: Number(number) });
    return Number(number);
  });
}

describe.each(['stop', 'kill'] as const)('crisp after a %s and a start', (how) => {
  it(
    'finds its pods as they were, with their logs going on, and leaves nothing',
    async () => {
      const pod = await runPod(node, { labels: { app: how }, annotations: { 'example.org/note': 'a<b' } });
      const running = await runContainer(node, pod, shell('running', COUNT));
      const created = await createContainer(node, pod, shell('created', 'echo started; sleep 1000'));
      const exited = await runContainer(node, pod, shell('exited', 'exit 7'));
      const ending = await runContainer(
        node,
        pod,
        shell('ending', 'while [ ! -e /stop ]; do usleep 10000; done; exit 42'),
      );
      const killed = await runContainer(node, pod, shell('killed', 'sleep 1000'));
      await exitOf(node, exited);
      await until('there are lines', 20 * SECOND, async () => numbersIn(logOf(pod, 'running')).length > 10);
      const ids = [running, created, exited];
      const before = await everything(pod, ids);
      const stillThere = numbersIn(logOf(pod, 'running')).length;

      await node.crisp[how]();
      node.containerd.ctr('tasks', 'exec', '--exec-id', 'end-it', ending, 'touch', '/stop');
      node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', killed);
      const tasks = () => node.containerd.ctr('tasks', 'list');
      await until('two tasks have ended', 20 * SECOND, async () => tasks().match(/STOPPED/g)?.length === 2);
      await node.crisp.start();
      await serving(node);

      expect(await everything(pod, ids)).toBe(before);
      expect(await statusOf(node, ending)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 42 });
      expect(await statusOf(node, killed)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137 });
      const log = logOf(pod, 'running');
      await until('the log goes on', 20 * SECOND, async () => numbersIn(log).length > stillThere + 100);
      const numbers = numbersIn(log);
      expect(numbers).toEqual(numbers.map((_, at) => at + 1));

      await node.cri.runtime.startContainer({ containerId: created });
      expect((await exec(node, created, 'hostname')).stdout).toBe(`${pod.config.hostname}\n`);
      const said = () => logLines(logOf(pod, 'created')).map(({ text }) => text);
      await until('it has said so', 20 * SECOND, async () => said().length > 0);
      expect(said()).toEqual(['started']);
      await node.cri.runtime.stopContainer({ containerId: running, timeout: 0n });
      expect((await statusOf(node, running)).exitCode).toBe(137);

      const { items } = await node.cri.runtime.listPodSandbox({ filter: undefined });
      expect(items.map(({ id, state }) => ({ id, state }))).toEqual([
        { id: pod.id, state: PodSandboxState.SANDBOX_READY },
      ]);
      await removePod(node, pod);
      await nothingLeft(node);
      expect(existsSync(log)).toBe(true); // logs are kubelet's
    },
    60 * SECOND,
  );
});

describe('crisp that was away', () => {
  it(
    'finds a pod whose pause process ended NOTREADY, with its address until it is stopped',
    async () => {
      const pod = await runPod(node);
      const { network } = await podStatusOf(node, pod);
      await node.crisp.stop();
      node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', pod.id);
      await until('it has ended', 20 * SECOND, async () => node.containerd.ctr('tasks', 'list').includes('STOPPED'));
      await node.crisp.start();
      await serving(node);
      expect(await podStatusOf(node, pod)).toMatchObject({ state: PodSandboxState.SANDBOX_NOTREADY, network });
      await node.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
      expect((await podStatusOf(node, pod)).network?.ip).toBe('');
      await node.cri.runtime.removePodSandbox({ podSandboxId: pod.id });
      await nothingLeft(node);
    },
    30 * SECOND,
  );

  it(
    'knows the names of its pods and containers: an equal request answers them, another one is refused',
    async () => {
      const pod = await runPod(node);
      const config = shell('main', 'sleep 1000');
      const id = await runContainer(node, pod, config);
      await node.crisp.kill();
      await node.crisp.start();
      await serving(node);
      expect(await createContainer(node, pod, config)).toBe(id);
      const another = createContainer(node, pod, { ...config, labels: { app: 'other' } });
      expect(await failure(another)).toMatchObject({ code: Code.ALREADY_EXISTS });
      const again = await node.cri.runtime.runPodSandbox({ config: pod.config, runtimeHandler: '' });
      expect(again).toEqual({ podSandboxId: pod.id });
      await node.cri.runtime.removeContainer({ containerId: id });
      const second = await runContainer(node, pod, config);
      expect((await statusOf(node, second)).state).toBe(ContainerState.CONTAINER_RUNNING);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    30 * SECOND,
  );
});
