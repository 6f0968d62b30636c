import { stopPodSandbox } from '../../../src/cri/sandbox/stop-pod-sandbox';
import { INFRA_LABEL } from '../../../src/pods/infra';
import { askAndRecover } from '../../support/ask-and-recover';
import { AUTO, OWN_PIDS, runContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { removeAll } from '../../support/use-rig';

const options = { config: AUTO, sandboxStore: true };

let rig: StoryRig;
let id: string;
let container: string;

beforeEach(async () => {
  rig = await StoryRig.start(options);
  id = await runPod(rig, OWN_PIDS);
  container = (await runContainer(rig, id, OWN_PIDS)).metadata.id;
});

afterEach(async () => {
  try {
    rig.heal();
    await removeAll(rig);
    expect(await rig.leftovers()).toEqual({});
  } finally {
    await rig.close();
  }
});

async function restart(): Promise<void> {
  rig = rig.restarted(options);
  await rig.deps.images.resync();
  await askAndRecover(rig.deps);
}

const found = () => rig.deps.sandboxes.get(id);

/** A pause task in its record, as `crisp handover` makes one. */
async function addPause(): Promise<void> {
  await rig.deps.containerd.tasks.create({ containerId: id, rootfs: [] });
  await rig.deps.containerd.tasks.start({ containerId: id });
}

describe('A pod without a pause task is found again', () => {
  it('READY when nothing has happened, and can be used', async () => {
    await restart();
    expect(found()).toMatchObject({ withoutInfra: true, status: { state: 'READY', pid: 0 } });
    expect(rig.deps.containers.get(container)?.status.finishedAt).toBe(0n);
    await runContainer(rig, id, { ...OWN_PIDS, metadata: { name: 'second' } });
  });

  it('NOTREADY when it had been stopped', async () => {
    await stopPodSandbox(rig.deps, { podSandboxId: id }, rig.call());
    await restart();
    expect(found()).toMatchObject({ withoutInfra: true, status: { state: 'NOTREADY' } });
  });

  it('NOTREADY after a reboot', async () => {
    rig.host.netns.clear();
    rig.host.mounts.clear();
    await restart();
    expect(found()).toMatchObject({ withoutInfra: true, status: { state: 'NOTREADY' } });
  });

  it('as one that has a pause task, when it was given one', async () => {
    await addPause();
    await restart();
    expect(found()).toMatchObject({ withoutInfra: undefined, status: { state: 'READY', pid: expect.any(Number) } });
    expect(found()?.status.pid).toBeGreaterThan(0);
    expect((await rig.deps.containerd.containers.get(id))?.labels[INFRA_LABEL]).toBeUndefined();
  });

  it('without one, when it was being given one and that was never started', async () => {
    await rig.deps.containerd.tasks.create({ containerId: id, rootfs: [] });
    await restart();
    expect(found()).toMatchObject({ withoutInfra: true, status: { state: 'READY' } });
    expect(rig.fake.leftovers().tasks).toEqual([container]);
  });

  it('NOTREADY when its pause task has ended meanwhile', async () => {
    await addPause();
    rig.fake.process(id).exit(137);
    await restart();
    expect(found()).toMatchObject({ withoutInfra: undefined, status: { state: 'NOTREADY', exitStatus: 137 } });
  });
});
