import { ContainerState } from '../../../generated/cri/v1/api';
import { until } from '../../support/daemon/process';
import { useCrashNode } from '../../support/node/crash-points';
import { killAtEachStep, type Story } from '../../support/node/crash-stories';
import {
  createContainer,
  exec,
  logLines,
  logOf,
  nothingLeft,
  type Pod,
  removePod,
  runPod,
  shell,
  statusOf,
} from '../../support/node/pods';

const MINUTE = 60_000;

describe('crisp that is killed at each step', () => {
  const crash = useCrashNode();

  async function listed(): Promise<{ id: string; state: ContainerState }[]> {
    const { containers } = await crash.now.node.cri.runtime.listContainers({ filter: undefined });
    return containers.map(({ id, state }) => ({ id, state }));
  }

  it(
    'of CreateContainer creates one container when it is asked again',
    async () => {
      const { node } = crash.now;
      const config = shell('main', 'sleep 1000', { linux: { securityContext: { runAsUsername: 'daemon' } } });
      const story: Story<Pod> = {
        prepare: () => runPod(node),
        call: (pod) => createContainer(node, pod, config),
        again: async (pod) => {
          const containerId = await createContainer(node, pod, config);
          expect(await listed()).toEqual([{ id: containerId, state: ContainerState.CONTAINER_CREATED }]);
          await node.cri.runtime.startContainer({ containerId });
          expect(await exec(node, containerId, 'id', '-un')).toEqual({ stdout: 'daemon\n', stderr: '', exitCode: 0 });
        },
        clean: (pod) => removePod(node, pod),
      };
      const { kills, missed, wrong } = await killAtEachStep(crash.now, story);
      expect({ wrong, missed }).toEqual({ wrong: {}, missed: [] });
      expect(kills).toBeGreaterThan(5);
      await nothingLeft(node);
    },
    10 * MINUTE,
  );

  it(
    'of StartContainer starts it, once, when it is asked again',
    async () => {
      const { node } = crash.now;
      const story: Story<{ pod: Pod; containerId: string }> = {
        prepare: async () => {
          const pod = await runPod(node);
          return { pod, containerId: await createContainer(node, pod, shell('main', 'echo begun; sleep 1000')) };
        },
        call: ({ containerId }) => node.cri.runtime.startContainer({ containerId }),
        again: async ({ pod, containerId }) => {
          const { state } = await statusOf(node, containerId);
          // One that runs is refused: it cannot be told from a second start by mistake.
          if (state !== ContainerState.CONTAINER_RUNNING) await node.cri.runtime.startContainer({ containerId });
          expect(await listed()).toEqual([{ id: containerId, state: ContainerState.CONTAINER_RUNNING }]);
          expect((await exec(node, containerId, 'true')).exitCode).toBe(0);
          await until('it has said so', 5000, async () => logLines(logOf(pod, 'main')).length > 0);
          expect(logLines(logOf(pod, 'main')).map(({ text }) => text)).toEqual(['begun']);
        },
        clean: ({ pod }) => removePod(node, pod),
      };
      const { kills, missed, wrong } = await killAtEachStep(crash.now, story);
      expect({ wrong, missed }).toEqual({ wrong: {}, missed: [] });
      expect(kills).toBeGreaterThan(5);
      await nothingLeft(node);
    },
    10 * MINUTE,
  );
});
