import { setTimeout as sleep } from 'node:timers/promises';
import { removePodSandbox } from '../../../src/cri/sandbox/remove-pod-sandbox';
import { stopPodSandbox } from '../../../src/cri/sandbox/stop-pod-sandbox';
import { shimSocketNames } from '../../../src/host/process/shim-sockets';
import { PodShims } from '../../../src/shims/pod-shims';
import { AUTO, OWN_PIDS, runContainer, runPod } from '../../support/story-pods';
import { until } from '../../support/streaming/until';
import { useRig } from '../../support/use-rig';

const rig = useRig({ config: AUTO });
const namesOf = (address: string, group: string): string[] => shimSocketNames({ address, namespace: 'k8s.io', group });

describe('The socket of a pod’s shim', () => {
  it.each([
    ['without a pause task', OWN_PIDS],
    ['with a pause task', {}],
  ])('goes with the pod, %s', async (_pod, config) => {
    const { deps, host, fake } = rig.now;
    const podSandboxId = await runPod(rig.now, config);
    await stopPodSandbox(deps, { podSandboxId }, rig.now.call());
    expect(host.removedSockets).toEqual([]);
    await removePodSandbox(deps, { podSandboxId }, rig.now.call());
    expect(host.removedSockets).toEqual(namesOf(fake.address, podSandboxId));
  });

  it('is looked for by the address that shims were started with, which crisp need not know containerd by', async () => {
    const { deps, host, fake } = rig.now;
    jest.spyOn(host, 'parentOf').mockResolvedValue(7);
    jest.spyOn(host, 'shimAddress').mockResolvedValue('/run/behind.sock');
    const podSandboxId = await runPod(rig.now, OWN_PIDS);
    await runContainer(rig.now, podSandboxId, OWN_PIDS);
    await stopPodSandbox(deps, { podSandboxId }, rig.now.call());
    await removePodSandbox(deps, { podSandboxId }, rig.now.call());
    expect(host.removedSockets).toEqual([
      ...namesOf(fake.address, podSandboxId),
      ...namesOf('/run/behind.sock', podSandboxId),
    ]);
  });

  it('is tried again while its shim is still ending, and never once another pod has it', async () => {
    const { deps, host } = rig.now;
    host.servedSockets = 1;
    const shims = new PodShims(
      { ...deps, host, containerd: { address: '/run/a.sock', namespace: 'k8s.io' } },
      [1, 1, 1, 1],
    );
    await shims.removeSockets('group');
    const names = shims.socketNames('group').length;
    await until('all five tries are over', () => host.removedSockets.length === 5 * names);
    const podSandboxId = await runPod(rig.now, OWN_PIDS);
    host.removedSockets.length = 0;
    await shims.removeSockets(podSandboxId);
    await sleep(20);
    expect(host.removedSockets).toHaveLength(names);
  });

  it('holds up no removal when it cannot be removed', async () => {
    const podSandboxId = await runPod(rig.now, OWN_PIDS);
    rig.now.faults.fail('removeShimSockets');
    await stopPodSandbox(rig.now.deps, { podSandboxId }, rig.now.call());
    await removePodSandbox(rig.now.deps, { podSandboxId }, rig.now.call());
    expect(rig.now.deps.sandboxes.list()).toEqual([]);
  });
});
