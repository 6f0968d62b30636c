import { removePodSandbox } from '../../src/cri/sandbox/remove-pod-sandbox';
import { stopPodSandbox } from '../../src/cri/sandbox/stop-pod-sandbox';
import { type RigOptions, StoryRig } from './story-rig';

/** A fresh rig for each test of a file. After each, its pods are stopped and removed, and nothing may be left. */
export function useRig(options: RigOptions = {}): { readonly now: StoryRig } {
  let rig: StoryRig | undefined;
  beforeEach(async () => {
    rig = await StoryRig.start(options);
  });
  afterEach(async () => {
    const ended = rig;
    rig = undefined;
    if (!ended) return;
    try {
      ended.heal();
      await removeAll(ended);
      expect(await ended.leftovers()).toEqual({});
    } finally {
      await ended.close();
    }
  });
  return {
    get now() {
      if (!rig) throw new Error('there is a rig only while a test runs');
      return rig;
    },
  };
}

/** Stops and removes every pod, as kubelet does. */
export async function removeAll(rig: StoryRig): Promise<void> {
  for (const { metadata } of rig.deps.sandboxes.list()) {
    await stopPodSandbox(rig.deps, { podSandboxId: metadata.id }, rig.call());
    await removePodSandbox(rig.deps, { podSandboxId: metadata.id }, rig.call());
  }
}

/** Resolves when the end of a task is recorded and its lock is free again: the task is deleted then. */
export async function ended(rig: StoryRig, id: string): Promise<void> {
  await rig.deps.exits.settled(id, AbortSignal.timeout(5000));
  (await rig.deps.locks.hold(id)).release();
}
