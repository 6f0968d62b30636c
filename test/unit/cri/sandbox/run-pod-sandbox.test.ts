import { NamespaceMode, PodSandboxState } from '../../../../generated/cri/v1/api';
import { podSandboxStatus } from '../../../../src/cri/sandbox/pod-sandbox-status';
import { removePodSandbox } from '../../../../src/cri/sandbox/remove-pod-sandbox';
import { runPodSandbox } from '../../../../src/cri/sandbox/run-pod-sandbox';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { clearScratch } from '../../../../src/pods/user-files';
import { Code } from '../../../../src/rpc/code';
import { arrange, callsOf, MISHAPS, type Mishap, type OutwardCall, tryEach } from '../../../support/each-call';
import { AUTO, OWN_PIDS, podRequest, runPod } from '../../../support/story-pods';
import { type RigOptions, StoryRig } from '../../../support/story-rig';

let rig: StoryRig;

beforeEach(async () => {
  rig = await StoryRig.start();
});

afterEach(async () => {
  try {
    rig.heal();
    for (const { metadata } of rig.deps.sandboxes.list()) await stopAndRemove(rig, metadata.id);
    expect(await rig.leftovers()).toEqual({});
  } finally {
    await rig.close();
  }
});

async function stopAndRemove(on: StoryRig, podSandboxId: string): Promise<void> {
  await stopPodSandbox(on.deps, { podSandboxId }, on.call());
  await removePodSandbox(on.deps, { podSandboxId }, on.call());
}

function statusOf(podSandboxId: string) {
  return podSandboxStatus(rig.deps, { podSandboxId, verbose: false }, rig.call());
}

describe('RunPodSandbox', () => {
  it('answers an id that PodSandboxStatus reports READY', async () => {
    const id = await runPod(rig, { labels: { app: 'web' }, annotations: { note: 'kept' } });
    const { status } = await statusOf(id);
    expect(status).toEqual({
      id,
      metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', attempt: 0 },
      state: PodSandboxState.SANDBOX_READY,
      createdAt: expect.any(BigInt),
      network: { ip: '10.88.0.7', additionalIps: [{ ip: 'fd00::7' }] },
      linux: {
        namespaces: { options: { network: 0, pid: 0, ipc: 0, targetId: '', usernsOptions: undefined } },
      },
      labels: { app: 'web' },
      annotations: { note: 'kept' },
      runtimeHandler: '',
    });
  });

  it('runs a pause task on a snapshot of the pause image', async () => {
    const id = await runPod(rig);
    expect(rig.fake.process(id).status).toBe(2); // RUNNING
    expect(rig.fake.leftovers()).toEqual({
      containers: [id],
      tasks: [id],
      snapshots: [`overlayfs ${id}`],
      leases: [id],
    });
  });

  it('gives a pod on the network of the host neither namespace nor CNI', async () => {
    const network = NamespaceMode.NODE;
    const id = await runPod(rig, { linux: { securityContext: { namespaceOptions: { network } } } });
    expect({ netns: [...rig.host.netns], attached: [...rig.networks.attached] }).toEqual({ netns: [], attached: [] });
    expect((await statusOf(id)).status?.network).toEqual({ ip: '', additionalIps: [] });
  });

  it('gives a pod on the IPC of the host no /dev/shm of its own', async () => {
    await runPod(rig, { linux: { securityContext: { namespaceOptions: { ipc: NamespaceMode.NODE } } } });
    expect([...rig.host.mounts]).toEqual([]);
  });

  it('is NOTREADY when the pause task ends before anybody has seen it run', async () => {
    rig.fake.world.onStart = (process) => process.exit(3);
    const id = await runPod(rig);
    await rig.deps.exits.settled(id, AbortSignal.timeout(5000));
    expect(rig.deps.sandboxes.get(id)?.status).toMatchObject({ state: 'NOTREADY', exitStatus: 3, pid: 0 });
  });

  it('answers the same sandbox when it is asked again', async () => {
    const first = await runPod(rig);
    expect(await runPod(rig)).toBe(first);
  });

  it('makes one sandbox of two equal calls at once', async () => {
    const [first, second] = await Promise.all([runPod(rig), runPod(rig)]);
    expect(second).toBe(first);
  });

  it('answers no sandbox of which it is not known whether it runs', async () => {
    const first = await runPod(rig);
    const sandbox = rig.deps.sandboxes.get(first);
    if (!sandbox) throw new Error('it is not listed');
    sandbox.doubt = 'two answers contradict each other';
    await expect(runPod(rig)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    sandbox.doubt = undefined;
    expect(await runPod(rig)).toBe(first);
  });

  it('refuses a name that another pod holds', async () => {
    const id = await runPod(rig);
    await expect(runPod(rig, { hostname: 'other' })).rejects.toMatchObject({ name: 'NameTaken', owner: id });
  });

  it.each([
    ['config', podRequest(), { config: undefined }, 'config: is missing'],
    [
      'metadata',
      podRequest(),
      { config: { ...podRequest().config, metadata: undefined } },
      'config.metadata: is missing',
    ],
    ['name', podRequest({ metadata: { namespace: 'n', uid: 'u' } }), {}, 'config.metadata.name: is empty'],
    ['namespace', podRequest({ metadata: { name: 'n', uid: 'u' } }), {}, 'config.metadata.namespace: is empty'],
    ['uid', podRequest({ metadata: { name: 'n', namespace: 'n' } }), {}, 'config.metadata.uid: is empty'],
    ['known handler', podRequest({}, 'kata'), {}, 'runtime_handler: no runtime "kata" is configured'],
  ])('refuses a request without a %s', async (_what, request, change, message) => {
    const running = runPodSandbox(rig.deps, { ...request, ...change } as typeof request, rig.call());
    await expect(running).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT, message });
  });

  it('refuses a user namespace that the runtime cannot give, and says what is missing', async () => {
    const usernsOptions = { mode: NamespaceMode.POD, uids: [], gids: [] };
    const pod = { linux: { securityContext: { namespaceOptions: { usernsOptions } } } };
    await expect(runPod(rig, pod)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining('runtime "runc" cannot give user namespaces: '),
    });
  });

  it('calls CNI DEL even when CNI ADD failed', async () => {
    rig.faults.fail('add', { error: new Error('no address left') });
    await expect(runPod(rig)).rejects.toThrow('no address left');
    expect(rig.networks.deletions).toEqual([expect.objectContaining({ netnsPath: expect.stringContaining('/cni-') })]);
  });

  it('keeps the sandbox listed as NOTREADY when CNI DEL fails', async () => {
    rig.faults.fail('add', { afterEffect: true });
    rig.faults.fail('del');
    await expect(runPod(rig)).rejects.toThrow('add was made to fail');
    const [pod] = rig.deps.sandboxes.list();
    const id = pod?.metadata.id ?? '';
    expect((await statusOf(id)).status?.state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect(rig.networks.attached.size).toBe(1);
    await stopAndRemove(rig, id);
    expect(rig.networks.attached.size).toBe(0);
  });

  it('makes a new sandbox in the place of one that was left NOTREADY', async () => {
    rig.faults.fail('add');
    rig.faults.fail('del');
    await expect(runPod(rig)).rejects.toThrow('add was made to fail');
    const before = rig.deps.sandboxes.list().map(({ metadata }) => metadata.id);
    const id = await runPod(rig);
    expect(before).not.toContain(id);
    expect(rig.deps.sandboxes.list().map(({ metadata }) => metadata.id)).toEqual([id]);
  });

  it('can be stopped and removed when the task could not be deleted in the undo', async () => {
    rig.fake.fail('Tasks/Start', {});
    rig.fake.fail('Tasks/Delete', {});
    await expect(runPod(rig)).rejects.toThrow('made to fail');
    const [pod] = rig.deps.sandboxes.list();
    await stopAndRemove(rig, pod?.metadata.id ?? '');
    expect(rig.deps.sandboxes.list()).toEqual([]);
  });
});

describe('A pod whose pause task the daemon forgot while it was made', () => {
  it('has it made once more when it is stopped, or its shim would stay', async () => {
    rig.fake.fail('Tasks/Create', {});
    rig.fake.fail('Tasks/Get', { nth: 'always' });
    await expect(runPod(rig)).rejects.toThrow('made to fail');
    rig.fake.heal();
    const before = rig.fake.calls.length;
    await stopAndRemove(rig, rig.deps.sandboxes.list()[0]?.metadata.id ?? '');
    const calls = rig.fake.calls.slice(before).map((name) => name.replace(/.*\./, ''));
    expect(calls.filter((name) => name === 'Tasks/Create')).toHaveLength(1);
    expect(rig.deps.sandboxes.list()).toEqual([]);
  });
});

describe('A pod whose sandbox image is not here', () => {
  it('is refused where that image is never pulled, and leaves nothing', async () => {
    const never = await StoryRig.start({ config: 'sandbox_image = "absent:1"\ndisable_pause_image_pull = true' });
    try {
      await expect(runPod(never)).rejects.toMatchObject({
        code: Code.FAILED_PRECONDITION,
        message: 'the sandbox image "absent:1" is not here, and disable_pause_image_pull is set',
      });
      expect(await never.leftovers()).toEqual({});
    } finally {
      await never.close();
    }
  });
});

describe.each<[string, RigOptions]>([
  ['a daemon without a sandbox store', {}],
  ['a daemon with a sandbox store', { sandboxStore: true }],
  ['a daemon without a sandbox store, for a pod without a pause task', { config: AUTO }],
  ['a daemon with a sandbox store, for a pod without a pause task', { config: AUTO, sandboxStore: true }],
])('RunPodSandbox on %s', (_daemon, options) => {
  it.each(MISHAPS)(
    'leaves nothing behind, whichever call %s',
    async (mishap) => {
      const learner = await StoryRig.start(options);
      const calls = await callsOf(learner, () => runPod(learner, OWN_PIDS));
      await learner.close();
      expect(calls.length).toBeGreaterThan(options.config ? 8 : 20);
      expect(await tryEach(calls, (call) => outcome(options, call, mishap))).toEqual([]);
    },
    60_000,
  );
});

/** Runs a pod with one mishap; what is wrong afterwards. */
async function outcome(options: RigOptions, call: OutwardCall, mishap: Mishap): Promise<unknown[]> {
  const at = `${call.name} ${call.nth}`;
  const one = await StoryRig.start(options);
  try {
    const signal = arrange(one, call, mishap);
    const made = await runPodSandbox(one.deps, podRequest(OWN_PIDS), one.call(signal)).then(
      ({ podSandboxId }) => podSandboxId,
      () => undefined,
    );
    one.heal();
    if (made !== undefined) {
      if (one.deps.sandboxes.get(made)?.status.state !== 'READY') return [{ at, made: 'but it is not READY' }];
      await stopAndRemove(one, made);
    }
    await clearScratch(one.deps); // what cannot be unmounted at once goes at the next start
    const left = await one.leftovers();
    return Object.keys(left).length > 0 ? [{ at, made, left }] : [];
  } finally {
    await one.close();
  }
}
