import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '../../../src/base/ids';
import { recover } from '../../../src/monitor/recover';
import { runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { removeAll } from '../../support/use-rig';
import { until } from '../io/fixture';

let before: StoryRig;
let after: StoryRig;
let container: string;
beforeEach(async () => {
  before = await StoryRig.start();
  ({
    metadata: { id: container },
  } = await runContainer(before, await runPod(before)));
});
afterEach(async () => {
  await removeAll(after);
  expect(await after.leftovers()).toEqual({});
  await after.close();
});

/** A command as it is when its server dies: its FIFOs are there, and its process is created, or runs. */
async function command(state: 'created' | 'running' | 'gone'): Promise<string> {
  const { containerd, host, paths } = before.deps;
  const execId = newId();
  const dir = paths.io(container);
  const [stdout, stderr] = [join(dir, `${execId}-stdout`), join(dir, `${execId}-stderr`)];
  await host.makeFifos([stdout, stderr]);
  if (state === 'gone') return execId;
  before.fake.world.onStart = () => undefined; // it goes on running
  const spec = { typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Process', value: Buffer.from('{}') };
  await containerd.tasks.exec({ containerId: container, execId, stdout, stderr, spec });
  if (state === 'running') await containerd.tasks.start({ containerId: container, execId });
  return execId;
}

async function restart(): Promise<void> {
  after = before.restarted();
  await recover(after.deps);
}

const fifosOf = (execId: string): string[] =>
  readdirSync(after.deps.paths.io(container)).filter((name) => name.startsWith(execId));

describe('A command that outlived its server', () => {
  it('is deleted when it was never started', async () => {
    const execId = await command('created');
    await restart();
    expect(fifosOf(execId)).toEqual([]);
    expect(after.deletedTasks).toContain(`${container}/${execId}`);
  });

  it('leaves its files no longer when containerd has forgotten it', async () => {
    const execId = await command('gone');
    await restart();
    expect(fifosOf(execId)).toEqual([]);
  });

  it('runs on, and is deleted when it has ended', async () => {
    const execId = await command('running');
    await restart();
    expect(fifosOf(execId)).toHaveLength(2);
    after.fake.process(container, execId).exit(0);
    await until(() => fifosOf(execId).length === 0);
    expect(after.deletedTasks).toContain(`${container}/${execId}`);
  });
});
