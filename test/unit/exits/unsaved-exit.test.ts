import { stopPodSandbox } from '../../../src/cri/sandbox/stop-pod-sandbox';
import { until } from '../../support/daemon/process';
import { runContainer, runPod } from '../../support/story-pods';
import { ended, useRig } from '../../support/use-rig';

const rig = useRig();

describe('An exit that comes while the disk is full', () => {
  it('is visible at once, and written as soon as it can be; its task stays until then', async () => {
    const { deps } = rig.now;
    const container = await runContainer(rig.now, await runPod(rig.now));
    const { containers } = deps;
    const update = containers.update.bind(containers);
    let full = 2;
    containers.update = async (...args) => {
      if (full-- > 0) throw new Error('ENOSPC');
      return update(...args);
    };
    rig.now.fake.process(container.metadata.id).exit(7);
    await ended(rig.now, container.metadata.id);
    expect([container.status.exitCode, container.unsaved]).toEqual([7, true]);
    const hasTask = (): boolean => rig.now.fake.state.tasks.has(container.metadata.id);
    expect(hasTask()).toBe(true);
    await until('it is written and its task deleted', 10_000, async () => !container.unsaved && !hasTask());
    expect(full).toBe(-1);
  });

  it('has no task any more when its pod is stopped: that of the pause container must be the last', async () => {
    const { deps, fake } = rig.now;
    const pod = await runPod(rig.now);
    const container = await runContainer(rig.now, pod);
    const update = deps.containers.update.bind(deps.containers);
    deps.containers.update = () => Promise.reject(new Error('ENOSPC'));
    fake.process(container.metadata.id).exit(7);
    await ended(rig.now, container.metadata.id);
    await stopPodSandbox(deps, { podSandboxId: pod }, rig.now.call());
    expect([...fake.state.tasks.keys()]).toEqual([]);
    deps.containers.update = update;
  });
});
