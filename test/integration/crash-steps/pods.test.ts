import { PodSandboxState } from '../../../generated/cri/v1/api';
import { useCrashNode } from '../../support/node/crash-points';
import { killAtEachStep, type Story } from '../../support/node/crash-stories';
import {
  createContainer,
  exitOf,
  nothingLeft,
  type Pod,
  podConfig,
  podStatusOf,
  removePod,
  runContainer,
  runPod,
  shell,
} from '../../support/node/pods';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

describe('crisp that is killed at each step', () => {
  const crash = useCrashNode();

  async function listed(): Promise<{ id: string; state: PodSandboxState }[]> {
    const { items } = await crash.now.node.cri.runtime.listPodSandbox({ filter: undefined });
    return items.map(({ id, state }) => ({ id, state }));
  }

  it(
    'of RunPodSandbox runs one pod when it is asked again',
    async () => {
      const { node } = crash.now;
      const run = (config: Pod['config']) => node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' });
      const story: Story<Pod['config']> = {
        prepare: async () => podConfig(node, { portMappings: [{ hostPort: 0, containerPort: 80 }] }),
        call: (config) => run(config),
        again: async (config) => {
          const { podSandboxId: id } = await run(config);
          expect(await listed()).toEqual([{ id, state: PodSandboxState.SANDBOX_READY }]);
          expect((await podStatusOf(node, { id, config })).network?.ip).toMatch(/^10\./);
        },
        clean: async (config) => {
          for (const { id } of await listed()) await removePod(node, { id, config });
        },
      };
      const { kills, missed, wrong } = await killAtEachStep(crash.now, story);
      expect({ wrong, missed }).toEqual({ wrong: {}, missed: [] });
      expect(kills).toBeGreaterThan(15);
      await nothingLeft(node);
    },
    10 * MINUTE,
  );

  it(
    'of StopPodSandbox stops the pod when it is asked again',
    async () => {
      const { node } = crash.now;
      const story: Story<{ pod: Pod; id: string }> = {
        prepare: async () => {
          const pod = await runPod(node);
          return { pod, id: await runContainer(node, pod, shell('main', 'sleep 1000')) };
        },
        call: ({ pod }) => node.cri.runtime.stopPodSandbox({ podSandboxId: pod.id }),
        again: async ({ pod, id }) => {
          await node.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
          expect(await listed()).toEqual([{ id: pod.id, state: PodSandboxState.SANDBOX_NOTREADY }]);
          expect(await exitOf(node, id)).toMatchObject({ exitCode: 137, reason: 'Error' });
        },
        clean: ({ pod }) => removePod(node, pod),
      };
      const { kills, missed, wrong } = await killAtEachStep(crash.now, story);
      expect({ wrong, missed }).toEqual({ wrong: {}, missed: [] });
      expect(kills).toBeGreaterThan(8);
      await nothingLeft(node);
    },
    10 * MINUTE,
  );

  it(
    'of RemovePodSandbox removes the pod when it is asked again',
    async () => {
      const { node } = crash.now;
      const story: Story<Pod> = {
        prepare: async () => {
          const pod = await runPod(node);
          await exitOf(node, await runContainer(node, pod, shell('ended', 'exit 7')));
          await createContainer(node, pod, shell('created', 'true'));
          await node.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
          return pod;
        },
        call: ({ id }) => node.cri.runtime.removePodSandbox({ podSandboxId: id }),
        again: async ({ id }) => {
          await node.cri.runtime.removePodSandbox({ podSandboxId: id });
          expect(await listed()).toEqual([]);
        },
        clean: (pod) => removePod(node, pod),
      };
      const { kills, missed, wrong } = await killAtEachStep(crash.now, story);
      expect({ wrong, missed }).toEqual({ wrong: {}, missed: [] });
      expect(kills).toBeGreaterThan(8);
      await nothingLeft(node);
    },
    10 * MINUTE,
  );
});
