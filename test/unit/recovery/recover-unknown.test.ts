import { silentLogger } from '../../../src/base/logger';
import { Retries } from '../../../src/base/work/retry-queue';
import { stopContainer } from '../../../src/cri/container/stop-container';
import { containerState } from '../../../src/model/container';
import { Code } from '../../../src/rpc/code';
import { askAndRecover } from '../../support/ask-and-recover';
import { runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { removeAll } from '../../support/use-rig';
import { until } from '../stdio/fixture';

let before: StoryRig;
let after: StoryRig;
let retries: Retries;
let pod: string;
let container: string;
beforeEach(async () => {
  before = await StoryRig.start();
  pod = await runPod(before);
  ({
    metadata: { id: container },
  } = await runContainer(before, pod));
  after = before.restarted();
  retries = new Retries(silentLogger, { firstMs: 10, maxMs: 10 });
});
afterEach(async () => {
  retries.stop();
  after.heal();
  await removeAll(after);
  expect(await after.leftovers()).toEqual({});
  await after.close();
});

const states = (): unknown[] => {
  const found = after.deps.containers.get(container);
  return [after.deps.sandboxes.get(pod)?.status.state, found && containerState(found.status)];
};

/** The list of tasks and the questions for two of them are refused; the first question is whether the service answers. */
async function recoverRefused(): Promise<void> {
  after.fake.fail('Tasks/List', { code: Code.DEADLINE_EXCEEDED });
  for (const nth of [2, 3]) after.fake.fail('Tasks/Get', { nth, code: Code.DEADLINE_EXCEEDED });
  await askAndRecover({ ...after.deps, retries });
}

it('Recovery asks about no task of which the daemon tells when it is asked about all', async () => {
  after.fake.fail('Tasks/Get', { nth: 'always', code: Code.DEADLINE_EXCEEDED });
  await askAndRecover({ ...after.deps, retries });
  expect(states()).toEqual(['READY', 'RUNNING']);
});

it('Recovery says nothing of any pod while the tasks service as a whole does not answer', async () => {
  after.fake.fail('Tasks/List', { nth: 'always', code: Code.UNAVAILABLE });
  after.fake.fail('Tasks/Get', { nth: 'always', code: Code.UNAVAILABLE });
  await expect(askAndRecover({ ...after.deps, retries })).rejects.toThrow("containerd's tasks service does not answer");
  expect(after.deps.sandboxes.list()).toEqual([]);
  after.heal();
  await askAndRecover({ ...after.deps, retries });
  expect(states()).toEqual(['READY', 'RUNNING']);
});

describe('A pod whose shim did not answer at start', () => {
  it('is what it was, in doubt, until the shim answers', async () => {
    retries = new Retries(silentLogger, { firstMs: 1000, maxMs: 1000 }); // later than this looks
    await recoverRefused();
    const doubts = () => [after.deps.sandboxes.get(pod)?.doubt, after.deps.containers.get(container)?.doubt];
    expect(states()).toEqual(['READY', 'RUNNING']);
    expect(doubts()).toEqual(['made to fail', 'made to fail']);
    const asked = () => retries.pending.filter(({ what }) => what.startsWith('the state of'));
    expect(asked().map(({ error }) => error)).toEqual(['made to fail', 'made to fail']);
    await until(() => doubts().every((doubt) => doubt === undefined));
    await until(() => asked().length === 0);
    expect(states()).toEqual(['READY', 'RUNNING']);
  });

  it('has ended when its tasks have meanwhile, with the true code', async () => {
    await recoverRefused();
    after.fake.process(container).exit(7);
    await until(() => after.deps.containers.get(container)?.status.exitCode === 7);
    expect(states()).toEqual(['READY', 'EXITED']);
  });

  it('is asked no more after a stop has led out of doubt', async () => {
    await recoverRefused();
    retries.stop();
    await stopContainer(after.deps, { containerId: container, timeout: 0n }, after.call());
    expect(states()[1]).toBe('EXITED');
  });
});
