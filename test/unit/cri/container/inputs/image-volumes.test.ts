import { type DeepPartial, type Mount, NamespaceMode } from '../../../../../generated/cri/v1/api';
import { stopPodSandbox } from '../../../../../src/cri/sandbox/stop-pod-sandbox';
import { Code } from '../../../../../src/rpc/code';
import { makeContainer, runPod } from '../../../../support/story-pods';
import { useRig } from '../../../../support/use-rig';

const FILES = 'docker.io/library/files:1';
const ids = [{ containerId: 0, hostId: 100_000, length: 65_536 }];
const userns = {
  linux: {
    securityContext: { namespaceOptions: { usernsOptions: { mode: NamespaceMode.POD, uids: ids, gids: ids } } },
  },
};
const rig = useRig({ images: [{ name: FILES }], userns: true });

const volume = (change: DeepPartial<Mount> = {}): { mounts: DeepPartial<Mount>[] } => ({
  mounts: [{ containerPath: '/files', readonly: true, image: { image: FILES }, ...change }],
});

/** Mount points of the image volumes of a pod. */
function mounted(pod: string): string[] {
  const dir = `${rig.now.dir}/cri-state/image-volumes/${pod}`;
  return [...rig.now.host.mounts].filter((path) => path.startsWith(`${dir}/`));
}

describe('an image volume', () => {
  it('is mounted once for the containers of a pod, and gone when the pod has stopped', async () => {
    const pod = await runPod(rig.now);
    const { metadata } = await makeContainer(rig.now, pod, volume());
    await makeContainer(rig.now, pod, { metadata: { name: 'b' }, ...volume({ imageSubPath: 'etc' }) });
    const image = rig.now.deps.images.find(FILES);
    expect(mounted(pod)).toEqual([expect.stringMatching(new RegExp(`/${image?.id.replace('sha256:', '')}$`))]);
    expect(metadata.config.mounts[0]?.image).toMatchObject({ image: FILES, imageRef: image?.id });
    await stopPodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    expect(mounted(pod)).toEqual([]);
  });

  it('is shifted into the user namespace of its pod', async () => {
    const pod = await runPod(rig.now, userns);
    await makeContainer(rig.now, pod, { ...volume(), ...userns });
    const pid = rig.now.deps.sandboxes.get(pod)?.status.pid;
    expect([...rig.now.host.shifted]).toEqual([[mounted(pod)[0], `/proc/${pid}/ns/user`]]);
  });

  it.each([
    ['an image that is not here', { image: { image: 'absent:1' } }, 'image "absent:1" is not here'],
    ['a sub path that does not exist', { imageSubPath: 'missing' }, '"missing" does not exist in the image'],
    ['a sub path that is a file', { imageSubPath: 'file' }, '"file" is not a directory'],
  ])('is refused for %s, with the word that kubelet looks for', async (_what, change, problem) => {
    rig.now.host.rootfsKinds.set('missing', 'missing').set('file', 'file');
    const pod = await runPod(rig.now);
    await expect(makeContainer(rig.now, pod, volume(change))).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: `ImageVolumeMountFailed: /files: ${problem}`,
    });
    expect(rig.now.deps.containers.list()).toEqual([]);
  });

  it('is none for a mount whose image has no name', async () => {
    const pod = await runPod(rig.now);
    const mount = volume({ image: { image: '' }, hostPath: '/srv' });
    await makeContainer(rig.now, pod, mount);
    expect(mounted(pod)).toEqual([]);
  });
});
