import { containerStatus } from '../../../../src/cri/container/container-status';
import { askAndRecover } from '../../../support/ask-and-recover';
import { ENVS, turnsOfLargeContainer } from '../../../support/large-container';
import { makeContainer, runPod } from '../../../support/story-pods';
import { StoryRig } from '../../../support/story-rig';

/** Under jest the same work takes some times as long, and tests run beside others; what is done in one turn takes a second. */
const ALLOWED_MS = 400;

describe('A container with as many variables as a request may have', () => {
  it('has all of them, also after a restart', async () => {
    let rig = await StoryRig.start();
    try {
      const { id } = (await makeContainer(rig, await runPod(rig), { envs: ENVS })).metadata;
      rig = rig.restarted();
      await rig.deps.images.resync();
      await askAndRecover(rig.deps);
      const { envs = [] } = rig.deps.containers.get(id)?.metadata.config ?? {};
      expect(envs.length).toBe(ENVS.length);
      expect(envs.every(({ key, value }, at) => key === ENVS[at]?.key && value.equals(ENVS[at].value))).toBe(true);
      const { info } = await containerStatus(rig.deps, { containerId: id, verbose: true }, rig.call());
      const { runtimeSpec } = JSON.parse(info.info ?? '');
      const entries = ENVS.map(({ key, value }) => `${key}=${value}`);
      expect(runtimeSpec.process.env.slice(-ENVS.length).join('\n') === entries.join('\n')).toBe(true);
    } finally {
      await rig.close();
    }
  });

  it('holds no turn of the event loop for long, whatever is done with it', async () => {
    const turns = await turnsOfLargeContainer();
    expect(turns.length).toBeGreaterThan(6);
    expect(turns.filter(([, ms]) => ms >= ALLOWED_MS)).toEqual([]);
  });
});
