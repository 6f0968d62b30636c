import { ContainerEventType, ContainerState, PodSandboxState, type StatusResponse } from '../../generated/cri/v1/api';
import { Code } from '../../src/rpc/code';
import { until } from '../support/daemon/process';
import { BUSYBOX, startNode, type TestNode } from '../support/node/node';
import {
  exec,
  exitOf,
  failure,
  logLines,
  logOf,
  nothingLeft,
  pidOf,
  podStatusOf,
  removePod,
  runContainer,
  runPod,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;

let node: TestNode;

afterEach(async () => {
  await node.stop();
}, 60 * SECOND);

async function conditionsOf(): Promise<Record<string, boolean>> {
  const { status } = await node.cri.runtime.status({ verbose: false });
  return Object.fromEntries((status?.conditions ?? []).map((condition) => [condition.type, condition.status]));
}

async function becomesReady(): Promise<void> {
  await until('the runtime is ready again', 15 * SECOND, async () => (await conditionsOf()).RuntimeReady === true);
}

describe('while containerd is away under crisp', () => {
  it(
    'answers from memory, refuses the rest as UNAVAILABLE, and goes on when it is back',
    async () => {
      node = await startNode();
      const pod = await runPod(node);
      const survivor = await runContainer(node, pod, shell('survivor', 'while true; do echo tick; usleep 20000; done'));
      const ending = await runContainer(
        node,
        pod,
        shell('ending', 'while [ ! -e /stop ]; do usleep 10000; done; exit 9'),
      );
      const events: string[] = [];
      const listening = new AbortController();
      const stream = node.connect().runtime.getContainerEvents({}, { signal: listening.signal });
      const heard = (async () => {
        for await (const { containerId, containerEventType } of stream)
          events.push(`${containerId === ending ? 'ending' : 'other'} ${ContainerEventType[containerEventType]}`);
      })().catch(() => undefined);
      const before = await podStatusOf(node, pod);

      await node.containerd.stop();
      expect(await conditionsOf()).toMatchObject({ RuntimeReady: false });
      expect(await podStatusOf(node, pod)).toEqual(before);
      const running = { state: ContainerState.CONTAINER_RUNNING, finishedAt: 0n, exitCode: 0 };
      for (const id of [survivor, ending]) expect(await statusOf(node, id)).toMatchObject(running);
      const config = { ...pod.config, metadata: { name: 'x', namespace: 'x', uid: 'x', attempt: 0 } };
      const { runtime } = node.cri;
      const refused = {
        run: () => runtime.runPodSandbox({ config, runtimeHandler: '' }),
        create: () =>
          runtime.createContainer({ podSandboxId: pod.id, config: shell('new', 'true'), sandboxConfig: pod.config }),
        exec: () => exec(node, survivor, 'true'),
        stop: () => runtime.stopContainer({ containerId: survivor, timeout: 0n }),
        removePod: () => runtime.removePodSandbox({ podSandboxId: pod.id }),
        removeImage: () =>
          node.cri.images.removeImage({
            image: { image: BUSYBOX, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' },
          }),
      };
      for (const [name, call] of Object.entries(refused)) {
        expect({ name, ...(await failure(call())) }).toMatchObject({ name, code: Code.UNAVAILABLE });
      }
      const log = logOf(pod, 'survivor');
      const lines = logLines(log).length;
      await until('its log goes on meanwhile', 20 * SECOND, async () => logLines(log).length > lines + 10);

      await node.containerd.restart();
      await becomesReady();
      for (const id of [survivor, ending]) expect(await statusOf(node, id)).toMatchObject(running);
      expect((await exec(node, survivor, 'echo', 'back')).stdout).toBe('back\n');
      await exec(node, ending, 'touch', '/stop');
      expect(await exitOf(node, ending)).toMatchObject({ exitCode: 9, reason: 'Error' });
      await until('its end is announced', 20 * SECOND, async () => events.includes('ending CONTAINER_STOPPED_EVENT'));
      node.containerd.ctr('images', 'tag', BUSYBOX, 'example.org/tagged:1');
      await until('images of others are seen again', 20 * SECOND, async () => {
        const { images } = await node.cri.images.listImages({ filter: undefined });
        return images.some(({ repoTags }) => repoTags.includes('example.org/tagged:1'));
      });
      // What could not be undone without the daemon is listed, and nothing of it is wired.
      const { items } = await runtime.listPodSandbox({ filter: undefined });
      const undone = items.filter(({ state }) => state === PodSandboxState.SANDBOX_NOTREADY);
      expect(undone.map(({ metadata }) => metadata?.name)).toEqual(['x']);
      for (const { id } of undone) await runtime.removePodSandbox({ podSandboxId: id });
      await removePod(node, pod);
      await nothingLeft(node);
      expect(events.filter((event) => event.startsWith('ending'))).toEqual([
        'ending CONTAINER_STOPPED_EVENT',
        'ending CONTAINER_DELETED_EVENT',
      ]);
      listening.abort();
      await heard;
    },
    60 * SECOND,
  );

  it(
    'tells the true code of a container that ended meanwhile',
    async () => {
      node = await startNode();
      const pod = await runPod(node);
      const id = await runContainer(
        node,
        pod,
        shell('ending', 'while [ ! -e /proc/1/root/stop ]; do usleep 10000; done; exit 5'),
      );
      const pid = await pidOf(node, id);
      await node.containerd.stop();
      process.kill(pid, 'SIGKILL');
      await node.containerd.restart();
      expect(await exitOf(node, id, 20 * SECOND)).toMatchObject({ exitCode: 137 });
      await removePod(node, pod);
      await nothingLeft(node);
    },
    60 * SECOND,
  );
});

describe('crisp that starts before containerd', () => {
  it(
    'serves Version and Status, refuses the rest, and works when containerd comes',
    async () => {
      node = await startNode({ withoutContainerd: true });
      const { runtime, images } = node.cri;
      expect(await runtime.version({ version: '' })).toMatchObject({ runtimeApiVersion: 'v1' });
      const status: StatusResponse = await runtime.status({ verbose: true });
      expect(status.status?.conditions.map(({ type }) => type)).toEqual(['RuntimeReady', 'NetworkReady']);
      expect(await conditionsOf()).toEqual({ RuntimeReady: false, NetworkReady: true });
      expect(await failure(runtime.listPodSandbox({ filter: undefined }))).toEqual({
        code: Code.UNAVAILABLE,
        message: expect.stringContaining('containerd'),
      });
      expect(await failure(images.listImages({ filter: undefined }))).toMatchObject({ code: Code.UNAVAILABLE });

      await node.containerd.restart();
      await becomesReady();
      await until('pods are listed', 15 * SECOND, () =>
        runtime.listPodSandbox({ filter: undefined }).then(
          () => true,
          () => false,
        ),
      );
      const pod = await runPod(node);
      const id = await runContainer(node, pod, shell('main', 'exit 3'));
      expect(await exitOf(node, id)).toMatchObject({ exitCode: 3 });
      await removePod(node, pod);
      await nothingLeft(node);
    },
    60 * SECOND,
  );
});
