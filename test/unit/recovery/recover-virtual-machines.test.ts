import { createContainer } from '../../../src/cri/container/create-container';
import { startContainer } from '../../../src/cri/container/start-container';
import { runPodSandbox } from '../../../src/cri/sandbox/run-pod-sandbox';
import { containerState } from '../../../src/model/container';
import { Code } from '../../../src/rpc/code';
import { askAndRecover } from '../../support/ask-and-recover';
import { containerRequest, podRequest } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { until } from '../../support/streaming/until';
import { ended, removeAll } from '../../support/use-rig';

const options = {
  config: '[containerd.runtimes.kata]\nruntime_type = "io.containerd.kata.v2"\nhost_processes = false',
};

let rig: StoryRig;
let pod: string;
let ids: Record<'created' | 'running' | 'exited', string>;

async function make(name: string, start: boolean): Promise<string> {
  const request = containerRequest(pod, { metadata: { name, attempt: 0 } });
  const { containerId } = await createContainer(rig.deps, request, rig.call());
  if (start) await startContainer(rig.deps, { containerId }, rig.call());
  return containerId;
}

beforeEach(async () => {
  rig = await StoryRig.start(options);
  ({ podSandboxId: pod } = await runPodSandbox(rig.deps, podRequest({}, 'kata'), rig.call()));
  ids = { created: await make('a', false), running: await make('b', true), exited: await make('c', true) };
  rig.fake.process(ids.exited).exit(7);
  await ended(rig, ids.exited);
  rig.host.running = () => []; // they run in the virtual machine
  rig.host.shims.add(pod);
  rig = rig.restarted(options);
  rig.host.running = () => [];
  await rig.deps.images.resync();
});

afterEach(async () => {
  rig.heal();
  await removeAll(rig);
  expect(await rig.leftovers()).toEqual({});
  await rig.close();
});

const states = () =>
  Object.values(ids).map((id) => {
    const found = rig.deps.containers.get(id);
    return found && containerState(found.status);
  });

describe('A start over a pod in a virtual machine, of which the host sees the shim alone', () => {
  it('finds each container as it was', async () => {
    await askAndRecover(rig.deps);
    expect(states()).toEqual(['CREATED', 'RUNNING', 'EXITED']);
    expect(rig.deps.sandboxes.get(pod)?.status.state).toBe('READY');
    expect(rig.deps.retries.pending).toEqual([]);
  });

  it('finds them so when the list of tasks is late, too', async () => {
    rig.fake.fail('Tasks/List', {});
    await askAndRecover(rig.deps);
    expect(states()).toEqual(['CREATED', 'RUNNING', 'EXITED']);
    await until('nothing is in doubt', () => rig.deps.retries.pending.length === 0);
  });

  it('takes none for gone that ran while its shim runs and containerd alone says so', async () => {
    for (const method of ['List', 'Get', 'Wait'])
      rig.fake.fail(`Tasks/${method}`, { nth: 'always', code: Code.NOT_FOUND });
    await askAndRecover(rig.deps);
    expect(states()).toEqual(['CREATED', 'RUNNING', 'EXITED']);
    rig.heal();
    await until('nothing is in doubt', () => rig.deps.retries.pending.length === 0);
    expect(states()).toEqual(['CREATED', 'RUNNING', 'EXITED']);
  });
});
