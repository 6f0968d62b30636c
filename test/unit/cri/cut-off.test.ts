import { Kind } from '../../../generated/containerd/services/snapshots/v1/snapshots';
import { ExecSyncRequest } from '../../../generated/cri/v1/api';
import { createContainer } from '../../../src/cri/container/create-container';
import { execSync } from '../../../src/cri/container/exec-sync';
import { runPodSandbox } from '../../../src/cri/sandbox/run-pod-sandbox';
import { AUTO, containerRequest, OWN_PIDS, podRequest, runContainer, runPod } from '../../support/story-pods';
import { APP_IMAGE, type RigOptions, type StoryRig } from '../../support/story-rig';
import { useRig } from '../../support/use-rig';

/** containerd takes so long with a call; an undo that does not wait for it is over by then. */
const SLOW_MS = 50;

/** The caller leaves while containerd works at the call, which containerd brings to its end all the same. */
function leaveDuring(rig: StoryRig, method: string): AbortSignal {
  const caller = new AbortController();
  let goOn: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const hit = (): void => {
    caller.abort(new Error('the caller has left'));
    setTimeout(goOn, SLOW_MS);
  };
  rig.fake.fail(method, { until, hit });
  return caller.signal;
}

describe.each<[string, RigOptions, string[]]>([
  [
    'a pod with a pause task',
    { sandboxStore: true },
    ['Leases/Create', 'Snapshots/Prepare', 'Containers/Create', 'Store/Create', 'Tasks/Create', 'Tasks/Start'],
  ],
  [
    'a pod without a pause task',
    { sandboxStore: true, config: AUTO },
    ['Leases/Create', 'Containers/Create', 'Store/Create'],
  ],
])('A RunPodSandbox that is cut off, of %s,', (_pod, options, methods) => {
  const rig = useRig(options);

  it.each(methods)('leaves nothing in containerd while that is slow with %s', async (method) => {
    const signal = leaveDuring(rig.now, method);
    await runPodSandbox(rig.now.deps, podRequest(OWN_PIDS), rig.now.call(signal)).catch(() => undefined);
    expect(signal.aborted).toBe(true);
    const listed = rig.now.deps.sandboxes.list().map(({ metadata }) => metadata.id);
    const { containers = [], sandboxes = [], leases = [] } = rig.now.fake.leftovers();
    expect({ containers, sandboxes, leases }).toEqual({ containers: listed, sandboxes: listed, leases: listed });
  });
});

describe('A CreateContainer that is cut off', () => {
  const rig = useRig({ sandboxStore: true });
  const volume = { containerPath: '/v', readonly: true, image: { image: APP_IMAGE } };

  it.each(['Snapshots/Prepare', 'Containers/Create', 'Snapshots/View'])(
    'leaves nothing in containerd while that is slow with %s',
    async (method) => {
      const pod = await runPod(rig.now);
      const request = containerRequest(pod, { mounts: [volume] });
      const signal = leaveDuring(rig.now, method);
      await expect(createContainer(rig.now.deps, request, rig.now.call(signal))).rejects.toThrow('the caller has left');
      const { containers, snapshots } = rig.now.fake.state;
      const active = [...snapshots].filter(([, { kind }]) => kind === Kind.ACTIVE).map(([key]) => key);
      // An image volume is the pod's, and stays.
      expect({ containers: [...containers.keys()], active }).toEqual({
        containers: [pod],
        active: [`overlayfs ${pod}`],
      });
    },
  );
});

describe('An ExecSync that is cut off', () => {
  const rig = useRig();

  it('leaves no process in containerd while that is slow with Tasks/Exec', async () => {
    const { containerId } = await started(rig.now);
    const signal = leaveDuring(rig.now, 'Tasks/Exec');
    const request = ExecSyncRequest.fromPartial({ containerId, cmd: ['true'] });
    await expect(execSync(rig.now.deps, request, rig.now.call(signal))).rejects.toThrow('the caller has left');
    expect([...(rig.now.fake.state.tasks.get(containerId)?.execs.keys() ?? [])]).toEqual([]);
  });
});

async function started(rig: StoryRig): Promise<{ containerId: string }> {
  const { metadata } = await runContainer(rig, await runPod(rig));
  return { containerId: metadata.id };
}
