import { podSandboxStatus } from '../../../src/cri/sandbox/pod-sandbox-status';
import { stopPodSandbox } from '../../../src/cri/sandbox/stop-pod-sandbox';
import { containerState } from '../../../src/model/container';
import { askDaemon, recover } from '../../../src/recovery/recover';
import { Code } from '../../../src/rpc/code';
import { askAndRecover } from '../../support/ask-and-recover';
import { runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { until } from '../../support/streaming/until';
import { removeAll } from '../../support/use-rig';

let rig: StoryRig;
let pod: string;
let id: string;
beforeEach(async () => {
  rig = await StoryRig.start();
  pod = await runPod(rig);
  ({
    metadata: { id },
  } = await runContainer(rig, pod));
});
afterEach(async () => {
  jest.restoreAllMocks();
  rig.heal();
  await removeAll(rig);
  expect(await rig.leftovers()).toEqual({});
  await rig.close();
});

const container = () => {
  const found = rig.deps.containers.get(id);
  if (!found) throw new Error('the container is not listed');
  return found;
};
const state = (): string => containerState(container().status);

describe('A container whose status file says that it has ended', () => {
  it('is EXITED, in doubt, while containerd says that it runs and /proc does not, and its file stays as it is', async () => {
    const finishedAt = container().status.startedAt + 5n;
    await rig.deps.containers.update(container(), { finishedAt, exitCode: 3, reason: 'Error' });
    rig = rig.restarted();
    const { running } = rig.host;
    rig.host.running = () => [];
    await askAndRecover(rig.deps);
    expect([state(), container().doubt]).toEqual(['EXITED', 'its task runs, and by its status file it has ended']);
    expect(await rig.deps.containers.readStatus(id)).toMatchObject({ finishedAt, exitCode: 3 });
    rig.host.running = running;
    await until('all say the same', () => state() === 'RUNNING');
    expect(container().doubt).toBeUndefined();
  });
});

describe('A container that the list of tasks calls stopped', () => {
  /** List says so in this start. */
  async function startMisled(): Promise<void> {
    rig = rig.restarted();
    const { tasks } = rig.deps.containerd;
    const list = tasks.list.bind(tasks);
    const stopped = { status: 'STOPPED', exitStatus: 9, exitedAt: 5n } as const;
    jest
      .spyOn(tasks, 'list')
      .mockImplementationOnce(async (options) =>
        (await list(options)).map((task) => (task.containerId === id ? { ...task, ...stopped } : task)),
      );
    await askAndRecover(rig.deps);
  }

  it('is RUNNING, in doubt, while Get says that it runs', async () => {
    await startMisled();
    expect([state(), container().doubt]).toEqual(['RUNNING', 'two answers of containerd contradict each other']);
    await until('it is known', () => container().doubt === undefined);
    expect([state(), rig.fake.process(id).signals]).toEqual(['RUNNING', []]);
  });

  it('has ended when Get is not answered', async () => {
    rig.fake.fail('Tasks/Get', { nth: 'always', code: Code.UNAVAILABLE });
    rig.fake.process(id).exit(9);
    await startMisled();
    expect([state(), container().status.exitCode]).toEqual(['EXITED', 9]);
  });
});

describe('A start while crisp-stdio cannot be started', () => {
  it('waits for it two seconds in all; what runs is watched, and its output is taken up later', async () => {
    const second = (await runContainer(rig, pod, { metadata: { name: 'second' } })).metadata.id;
    rig = rig.restarted();
    const taken: string[] = [];
    let opens: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      opens = resolve;
    });
    rig.stdio.takeUp = async (spec) => {
      await opened;
      taken.push(spec.id);
      await rig.stdio.open(spec);
    };
    const from = performance.now();
    await recover(rig.deps, await askDaemon(rig.deps));
    expect(performance.now() - from).toBeLessThan(4000);
    expect([state(), rig.deps.monitor.size]).toEqual(['RUNNING', 3]);
    expect(taken).toEqual([]);
    opens();
    await until('both are read', () => rig.stdio.opened.has(id) && rig.stdio.opened.has(second));
  });
});

describe('The status of a pod whose record cannot be read', () => {
  it('is told once the pod has been stopped: kubelet would wait for it for ever', async () => {
    const record = rig.fake.state.containers.get(id);
    if (!record) throw new Error('there is no record');
    record.extensions = {};
    rig = rig.restarted();
    await askAndRecover(rig.deps);
    const status = () => podSandboxStatus(rig.deps, { podSandboxId: pod, verbose: false }, rig.call());
    await expect(status()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    await stopPodSandbox(rig.deps, { podSandboxId: pod }, rig.call());
    expect((await status()).containersStatuses.map((each) => each.state)).toEqual([2]);
  });
});

describe('A start after a reboot', () => {
  it('records the ends of few containers at a time', async () => {
    const names = Array.from({ length: 7 }, (_, i) => `more-${i}`);
    await Promise.all(names.map((name) => runContainer(rig, pod, { metadata: { name } })));
    rig.fake.state.tasks.clear();
    rig = rig.restarted();
    let [now, most] = [0, 0];
    rig.host.killMakers = async (of) => {
      if (of === pod) return [];
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 20));
      now -= 1;
      return [];
    };
    await askAndRecover(rig.deps);
    expect(rig.deps.containers.list().map(({ status }) => containerState(status))).toEqual(Array(8).fill('EXITED'));
    expect(most).toBe(4);
  });
});
