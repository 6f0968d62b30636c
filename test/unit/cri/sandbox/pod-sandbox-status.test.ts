import { NamespaceMode, PodSandboxState } from '../../../../generated/cri/v1/api';
import { podSandboxStatus } from '../../../../src/cri/sandbox/pod-sandbox-status';
import { removePodSandbox } from '../../../../src/cri/sandbox/remove-pod-sandbox';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { Code } from '../../../../src/rpc/code';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { ended, useRig } from '../../../support/use-rig';

const rig = useRig();
const ask = (podSandboxId: string, verbose = false) =>
  podSandboxStatus(rig.now.deps, { podSandboxId, verbose }, rig.now.call());

describe('PodSandboxStatus', () => {
  it('has the statuses of all containers, and a time: both or kubelet takes the pod to have none', async () => {
    const pod = await runPod(rig.now);
    const before = BigInt(Date.now()) * 1_000_000n;
    expect(await ask(pod)).toMatchObject({ containersStatuses: [], timestamp: expect.any(BigInt) });
    const ids = [await runContainer(rig.now, pod), await makeContainer(rig.now, pod, { metadata: { name: 'b' } })];
    const { containersStatuses, timestamp } = await ask(pod);
    expect(containersStatuses.map(({ id }) => id)).toEqual(ids.map(({ metadata }) => metadata.id));
    expect(timestamp).toBeGreaterThanOrEqual(before);
  });

  it('has no address once the network is gone, and is not found once it is removed', async () => {
    const pod = await runPod(rig.now);
    expect((await ask(pod)).status?.network).toEqual({ ip: '10.88.0.7', additionalIps: [{ ip: 'fd00::7' }] });
    await stopPodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    expect((await ask(pod)).status).toMatchObject({
      state: PodSandboxState.SANDBOX_NOTREADY,
      network: { ip: '', additionalIps: [] },
    });
    await removePodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    await expect(ask(pod)).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  it('gives the namespaces back that were asked for', async () => {
    const options = { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER, ipc: NamespaceMode.NODE };
    const pod = await runPod(rig.now, { linux: { securityContext: { namespaceOptions: options } } });
    expect((await ask(pod)).status?.linux?.namespaces?.options).toMatchObject(options);
  });

  it('is NOTREADY with its address when pause has died by itself: the network stays until StopPodSandbox', async () => {
    const pod = await runPod(rig.now);
    rig.now.fake.process(pod).exit(137);
    await ended(rig.now, pod);
    expect((await ask(pod)).status).toMatchObject({
      state: PodSandboxState.SANDBOX_NOTREADY,
      network: { ip: '10.88.0.7' },
    });
    expect(rig.now.networks.attached.size).toBe(1);
    expect(rig.now.deps.sandboxes.get(pod)?.status).toMatchObject({ exitStatus: 137, pid: 0 });
  });

  it('tells the record when asked for more, under the keys of containerd’s plugin', async () => {
    const pod = await runPod(rig.now);
    expect((await ask(pod)).info).toEqual({});
    const { info } = await ask(pod, true);
    expect(JSON.parse(info.info ?? '')).toEqual({
      pid: rig.now.fake.process(pod).pid,
      processStatus: 'running',
      netNamespaceClosed: false,
      image: rig.now.deps.config.sandbox_image,
      snapshotKey: pod,
      snapshotter: 'overlayfs',
      runtimeHandler: '',
      runtimeType: 'io.containerd.runc.v2',
      runtimeOptions: {},
      config: expect.objectContaining({ metadata: { name: 'web', namespace: 'shop', uid: 'uid-1' } }),
      runtimeSpec: expect.objectContaining({ process: expect.objectContaining({ args: ['/pause'] }) }),
      cniResult: { Interfaces: {} },
    });
  });

  it('finds a pod by the beginning of its id; refuses one that nobody has, and none', async () => {
    const pod = await runPod(rig.now);
    expect((await ask(pod.slice(0, 12))).status?.id).toBe(pod);
    await expect(ask('absent')).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(ask('')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  it('lists the attempts of one pod side by side', async () => {
    const first = await runPod(rig.now);
    rig.now.fake.process(first).exit(1);
    await ended(rig.now, first);
    const second = await runPod(rig.now, { metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', attempt: 1 } });
    expect((await ask(first)).status).toMatchObject({
      metadata: { attempt: 0 },
      state: PodSandboxState.SANDBOX_NOTREADY,
    });
    expect((await ask(second)).status).toMatchObject({
      metadata: { attempt: 1 },
      state: PodSandboxState.SANDBOX_READY,
    });
  });
});
