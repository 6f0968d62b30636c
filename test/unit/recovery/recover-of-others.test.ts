import { POD_LEASE_LABEL } from '../../../src/pods/pod-lease';
import { askAndRecover } from '../../support/ask-and-recover';
import { makeContainer, runPod } from '../../support/story-pods';
import { StoryRig } from '../../support/story-rig';
import { removeAll } from '../../support/use-rig';

let rig: StoryRig;
let pod: string;
beforeEach(async () => {
  rig = await StoryRig.start();
  pod = await runPod(rig);
});
afterEach(async () => {
  await removeAll(rig);
  expect(await rig.leftovers()).toEqual({});
  await rig.close();
});

async function restart(): Promise<void> {
  rig = rig.restarted();
  await rig.deps.images.resync();
  await askAndRecover(rig.deps);
}

describe('Recovery of what containerd’s own CRI has made', () => {
  it('gives a pod the lease that the plugin of 1.6 takes none of, so that containers can be made in it', async () => {
    await rig.deps.containerd.leases.delete(pod);
    await restart();
    const { metadata } = await makeContainer(rig, pod);
    const held = await rig.deps.containerd.leases.listResources(pod);
    expect(held).toContainEqual({ id: metadata.id, type: 'snapshots/overlayfs' });
  });

  it('marks that lease as ours: a sweep deletes it should the plugin remove the pod', async () => {
    await rig.deps.containerd.leases.delete(pod);
    await restart();
    const marked = await rig.deps.containerd.leases.list([`labels."${POD_LEASE_LABEL}"`]);
    expect(marked.map(({ id }) => id)).toEqual([pod]);
  });

  it('leaves a lease alone that is there', async () => {
    const [lease] = await rig.deps.containerd.leases.list();
    await restart();
    expect(await rig.deps.containerd.leases.list()).toEqual([lease]);
    expect(rig.deps.sandboxes.get(pod)?.status.state).toBe('READY');
  });
});
