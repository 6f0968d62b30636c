import { newId } from '../../../src/base/ids';
import { sweepShims } from '../../../src/gc/sweep-leftovers';
import { runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';

const rig = useRig();
const sweep = (): Promise<void> => sweepShims(rig.now.deps, new AbortController().signal, 10);
const left = (): number[] => rig.now.host.leaked.map(({ pid }) => pid);

describe('A shim that containerd has let go of', () => {
  it('is ended when nothing has its id', async () => {
    rig.now.host.leaked.push({ pid: 7, startTime: 5n, id: newId() });
    await sweep();
    expect(left()).toEqual([]);
  });

  it('is left alone when its pod is listed, or has a record', async () => {
    const pod = await runPod(rig.now);
    rig.now.host.leaked.push({ pid: 7, startTime: 5n, id: pod });
    await sweep();
    expect(left()).toEqual([7]);
  });

  it('is left alone when another pod is in it', async () => {
    const [pod, group] = [await runPod(rig.now), newId()];
    const sandbox = rig.now.deps.sandboxes.get(pod);
    if (sandbox) sandbox.shimGroup = group;
    rig.now.host.leaked.push({ pid: 7, startTime: 5n, id: group });
    await sweep();
    expect(left()).toEqual([7]);
    if (sandbox) sandbox.shimGroup = undefined;
  });

  it('is left alone when it was not there at the first look, or is another by the second', async () => {
    const id = newId();
    rig.now.host.leaked.push({ pid: 7, startTime: 5n, id });
    const swept = sweep();
    rig.now.host.leaked.splice(0, 1, { pid: 7, startTime: 6n, id }, { pid: 8, startTime: 5n, id });
    await swept;
    expect(left()).toEqual([7, 8]);
  });

  it('is left alone while containerd cannot be asked', async () => {
    rig.now.host.leaked.push({ pid: 7, startTime: 5n, id: newId() });
    rig.now.fake.fail('Containers/Get', { nth: 'always' });
    await expect(sweep()).rejects.toThrow();
    expect(left()).toEqual([7]);
  });
});
