import { createContainer } from '../../../../src/cri/container/create-container';
import { removePodSandbox } from '../../../../src/cri/sandbox/remove-pod-sandbox';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { Code } from '../../../../src/rpc/code';
import { containerRequest, runPod } from '../../../support/story-pods';
import { useRig } from '../../../support/use-rig';

const FILES = 'docker.io/library/files:1';
const VOLUME = { mounts: [{ containerPath: '/files', readonly: true, image: { image: FILES } }] };
const rig = useRig({ images: [{ name: FILES }] });

const stop = (podSandboxId: string) => stopPodSandbox(rig.now.deps, { podSandboxId }, rig.now.call());
const remove = (podSandboxId: string) => removePodSandbox(rig.now.deps, { podSandboxId }, rig.now.call());

describe('CreateContainer in a pod that is stopped meanwhile', () => {
  it.each(['Snapshots/Prepare', 'Containers/Create'])('leaves no container when that is at %s', async (method) => {
    const pod = await runPod(rig.now);
    const before = await rig.now.leftovers();
    let stopped: Promise<unknown> | undefined;
    const hit = (): void => {
      stopped = stop(pod);
    };
    rig.now.fake.fail(method, { passes: true, hit });
    const creating = createContainer(rig.now.deps, containerRequest(pod), rig.now.call());
    await expect(creating).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    await stopped;
    expect(rig.now.deps.containers.list()).toEqual([]);
    const { containers, containersListed, snapshots, counts } = await rig.now.leftovers();
    expect({ containers, containersListed, snapshots }).toEqual({
      containers: before.containers,
      containersListed: undefined,
      snapshots: before.snapshots,
    });
    expect(counts).toEqual(['1 names']);
  });

  it('begins nothing when the pod is being stopped', async () => {
    const pod = await runPod(rig.now);
    const sandbox = rig.now.deps.sandboxes.get(pod);
    if (sandbox) sandbox.stopping = true;
    const creating = createContainer(rig.now.deps, containerRequest(pod), rig.now.call());
    await expect(creating).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    if (sandbox) sandbox.stopping = false;
    expect(rig.now.fake.calls.filter((call) => call.endsWith('Snapshots/Prepare'))).toHaveLength(1); // the pod's
  });

  it.each<[string, (pod: string) => Promise<unknown>, Code]>([
    ['stopped', stop, Code.FAILED_PRECONDITION],
    ['removed', async (pod) => [await stop(pod), await remove(pod)], Code.NOT_FOUND],
  ])('leaves no image volume mounted when the pod is %s before that is mounted', async (_what, end, code) => {
    const pod = await runPod(rig.now);
    const { host } = rig.now;
    const mountAll = host.mountAll.bind(host);
    host.mountAll = async (...args) => {
      await end(pod);
      await mountAll(...args);
    };
    const creating = createContainer(rig.now.deps, containerRequest(pod, VOLUME), rig.now.call());
    await expect(creating).rejects.toMatchObject({ code });
    expect([...host.mounts]).toEqual([]);
    expect(rig.now.deps.containers.list()).toEqual([]);
    await remove(pod);
    expect(await rig.now.leftovers()).toEqual({});
  });
});
