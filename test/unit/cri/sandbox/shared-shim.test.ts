import type { Spec } from '../../../../src/model/spec';
import { makeContainer, runPod } from '../../../support/story-pods';
import { useRig } from '../../../support/use-rig';

const rig = useRig({ config: '[containerd.runtimes.runc]\npods_per_shim = 2' });
const another = { metadata: { name: 'b', namespace: 'n', uid: 'b' } };

async function groupOf(id: string): Promise<string | undefined> {
  const record = await rig.now.deps.containerd.containers.get(id);
  const spec = JSON.parse(record?.spec?.value.toString() ?? '{}') as Spec;
  return spec.annotations?.['io.containerd.runc.v2.group'];
}

describe('RunPodSandbox with two pods per shim', () => {
  it('puts the second pod and its containers into the shim of the first, which says nothing of it', async () => {
    const first = await runPod(rig.now);
    const second = await runPod(rig.now, another);
    const inFirst = await makeContainer(rig.now, first);
    const inSecond = await makeContainer(rig.now, second);
    const groups = await Promise.all([first, inFirst.metadata.id, second, inSecond.metadata.id].map(groupOf));
    expect(groups).toEqual([undefined, undefined, first, first]);
  });

  it('gives the place back when the start fails', async () => {
    await runPod(rig.now);
    rig.now.fake.fail('Tasks/Start', { nth: 1 });
    await expect(runPod(rig.now, another)).rejects.toThrow();
    rig.now.heal();
    expect(rig.now.deps.shimGroups.size).toBe(1);
  });
});
