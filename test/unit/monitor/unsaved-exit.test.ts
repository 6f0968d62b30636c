import { until } from '../../support/daemon/process';
import { runContainer, runPod } from '../../support/story-pods';
import { ended, useRig } from '../../support/use-rig';

const rig = useRig();

describe('An exit that comes while the disk is full', () => {
  it('is visible at once, and written as soon as it can be', async () => {
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
    await until('it is written', 10_000, async () => container.unsaved === false);
    expect(full).toBe(-1);
  });
});
