import { TASK_TIMEOUT_MS } from '../../../src/recovery/recover-deps';
import { askAndRecover } from '../../support/ask-and-recover';
import { runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { removeAll } from '../../support/use-rig';

describe('Recovery', () => {
  it('gives a shim that hangs ten seconds, and finds everything else meanwhile', async () => {
    const before = await StoryRig.start();
    const web = await runPod(before);
    const db = await runPod(before, { metadata: { name: 'db', namespace: 'db', uid: 'db' } });
    const { metadata } = await runContainer(before, db);
    const after = before.restarted();
    after.fake.fail('Tasks/List', { hang: true });
    after.fake.fail('Tasks/Get', { nth: 2, hang: true }); // the first one asks whether the service answers
    const started = performance.now();
    await askAndRecover(after.deps);
    const took = performance.now() - started;
    expect(TASK_TIMEOUT_MS).toBe(10_000);
    expect(took).toBeGreaterThan(TASK_TIMEOUT_MS - 500);
    expect(took).toBeLessThan(TASK_TIMEOUT_MS + 8000);
    // Which of the two was asked first is not for us to say; the one that did not answer is in doubt.
    const found = [web, db].map((id) => after.deps.sandboxes.get(id));
    expect(found.map((pod) => pod?.status.state)).toEqual(['READY', 'READY']);
    expect(found.filter((pod) => pod?.doubt !== undefined)).toHaveLength(1);
    expect(after.deps.containers.get(metadata.id)?.status.unknown).toBe(false);
    await removeAll(after);
    expect(await after.leftovers()).toEqual({});
    await after.close();
  });
});
