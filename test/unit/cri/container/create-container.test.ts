import { ContainerState } from '../../../../generated/cri/v1/api';
import { silentLogger } from '../../../../src/base/logger';
import { Retries } from '../../../../src/base/work/retry-queue';
import { containerStatus } from '../../../../src/cri/container/container-status';
import { createContainer } from '../../../../src/cri/container/create-container';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { clearScratch } from '../../../../src/pods/user-files';
import { Code } from '../../../../src/rpc/code';
import { until } from '../../../support/daemon/process';
import { arrange, callsOf, MISHAPS, type Mishap, type OutwardCall, tryEach } from '../../../support/each-call';
import { containerRequest, makeContainer, runPod } from '../../../support/story-pods';
import { APP_IMAGE, StoryRig } from '../../../support/story-rig';
import { removeAll, useRig } from '../../../support/use-rig';

const rig = useRig();

describe('CreateContainer', () => {
  it('answers an id that ContainerStatus reports CREATED', async () => {
    const pod = await runPod(rig.now, { logDirectory: '/var/log/pods/web' });
    const container = await makeContainer(rig.now, pod, {
      logPath: 'app/0.log',
      labels: { tier: 'front' },
      annotations: { note: 'kept' },
    });
    const { id, imageRef } = container.metadata;
    const { status } = await containerStatus(rig.now.deps, { containerId: id, verbose: false }, rig.now.call());
    expect(status).toMatchObject({
      id,
      metadata: { name: 'app', attempt: 0 },
      state: ContainerState.CONTAINER_CREATED,
      createdAt: expect.any(BigInt),
      startedAt: 0n,
      finishedAt: 0n,
      exitCode: 0,
      image: { image: APP_IMAGE },
      imageId: imageRef,
      reason: '',
      message: '',
      labels: { tier: 'front' },
      annotations: { note: 'kept' },
      logPath: '/var/log/pods/web/app/0.log',
    });
  });

  it('makes a record and a snapshot, and no task', async () => {
    const pod = await runPod(rig.now);
    const { id } = (await makeContainer(rig.now, pod)).metadata;
    expect(rig.now.fake.leftovers()).toEqual({
      containers: [pod, id].sort(),
      tasks: [pod],
      snapshots: [`overlayfs ${pod}`, `overlayfs ${id}`].sort(),
      leases: [pod],
    });
  });

  it('keeps its snapshot by the lease of its pod from the start, so that no collection can come in between', async () => {
    const pod = await runPod(rig.now);
    const held = (): string[] => [...(rig.now.fake.state.leases.get(pod)?.resources ?? [])];
    let heldBeforeRecord: string[] = [];
    rig.now.fake.fail('Containers/Create', {
      passes: true,
      hit: () => {
        heldBeforeRecord = held();
      },
    });
    const { id } = (await makeContainer(rig.now, pod)).metadata;
    expect(heldBeforeRecord).toContain(`snapshots/overlayfs ${id}`);
  });

  it('unpacks an image that nobody has unpacked yet', async () => {
    const pod = await runPod(rig.now);
    const { chainId = '' } = rig.now.deps.images.find(APP_IMAGE) ?? {};
    rig.now.fake.state.snapshots.delete(`overlayfs ${chainId}`);
    await makeContainer(rig.now, pod);
    expect(rig.now.fake.state.snapshots.has(`overlayfs ${chainId}`)).toBe(true);
    expect(rig.now.fake.calls.filter((call) => call.endsWith('Diff/Apply'))).toHaveLength(1);
  });

  it('asks about an image once, and unpacks it again when somebody has removed its snapshot', async () => {
    const pod = await runPod(rig.now);
    await makeContainer(rig.now, pod, { metadata: { name: 'first', attempt: 0 } });
    const asked = (): number => rig.now.fake.calls.filter((call) => call.endsWith('Snapshots/Stat')).length;
    const before = asked();
    await makeContainer(rig.now, pod, { metadata: { name: 'second', attempt: 0 } });
    expect(asked()).toBe(before);
    const { chainId = '' } = rig.now.deps.images.find(APP_IMAGE) ?? {};
    rig.now.fake.state.snapshots.delete(`overlayfs ${chainId}`);
    await makeContainer(rig.now, pod);
    expect(rig.now.fake.state.snapshots.has(`overlayfs ${chainId}`)).toBe(true);
  });

  it('answers the same container when it is asked again', async () => {
    const pod = await runPod(rig.now);
    const { id } = (await makeContainer(rig.now, pod)).metadata;
    expect((await makeContainer(rig.now, pod)).metadata.id).toBe(id);
  });

  it('refuses a name that another container holds', async () => {
    const pod = await runPod(rig.now);
    const { id } = (await makeContainer(rig.now, pod)).metadata;
    const other = makeContainer(rig.now, pod, { command: ['/other'] });
    await expect(other).rejects.toMatchObject({ name: 'NameTaken', owner: id });
  });

  it('never pulls: an image that is not here is not found', async () => {
    const pod = await runPod(rig.now);
    const wanted = makeContainer(rig.now, pod, { image: { image: 'absent:1' } });
    await expect(wanted).rejects.toMatchObject({ code: Code.NOT_FOUND, message: 'there is no image "absent:1"' });
  });

  it.each([
    ['config', { config: undefined }, 'config: is missing'],
    ['metadata', { config: { ...containerRequest('').config, metadata: undefined } }, 'config.metadata: is missing'],
    ['name', containerRequest('', { metadata: { name: '' } }), 'config.metadata.name: is empty'],
    ['image', containerRequest('', { image: { image: '' } }), 'config.image.image: is empty'],
    ['pod', { podSandboxId: '' }, 'pod_sandbox_id: is empty'],
  ])('refuses a request without a %s', async (_what, change, message) => {
    const request = { ...containerRequest(''), ...change } as ReturnType<typeof containerRequest>;
    const creating = createContainer(rig.now.deps, request, rig.now.call());
    await expect(creating).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT, message });
  });

  it('refuses a log path that leaves the log directory of the pod', async () => {
    const pod = await runPod(rig.now, { logDirectory: '/var/log/pods/web' });
    const escaping = makeContainer(rig.now, pod, { logPath: '../../../etc/passwd' });
    await expect(escaping).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  it('refuses a pod that is stopped, and one that is not there', async () => {
    const pod = await runPod(rig.now);
    await stopPodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    await expect(makeContainer(rig.now, pod)).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    await expect(makeContainer(rig.now, 'absent')).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  it('can be repeated when the daemon goes away half-way; what is left goes when it is back', async () => {
    const { fake, deps } = rig.now;
    const request = containerRequest(await runPod(rig.now));
    const quick = { ...deps, retries: new Retries(silentLogger, { firstMs: 10, maxMs: 10 }) };
    fake.fail('Containers/Create', { afterEffect: true });
    fake.fail('Containers/Delete', { nth: 'always' });
    await expect(createContainer(quick, request, rig.now.call())).rejects.toThrow();
    const { containerId } = await createContainer(quick, request, rig.now.call());
    expect([fake.state.containers.size, deps.containers.list().length]).toEqual([3, 1]);
    fake.heal();
    await until('what is left is gone', 5000, async () => fake.state.containers.size === 2 && deps.locks.size === 0);
    expect([...fake.state.containers.keys()]).toContain(containerId);
    expect(deps.names.owner(deps.containers.get(containerId)?.metadata.name ?? '')).toBe(containerId);
  });

  it.each(MISHAPS)(
    'leaves nothing of the container behind, whichever call %s',
    async (mishap) => {
      const learner = await StoryRig.start();
      const pod = await runPod(learner);
      const calls = await callsOf(learner, () => makeContainer(learner, pod));
      await learner.close();
      expect(calls.length).toBeGreaterThan(5);
      expect(await tryEach(calls, (call) => outcome(call, mishap))).toEqual([]);
    },
    60_000,
  );
});

/** Creates a container with one mishap; what is wrong afterwards. */
async function outcome(call: OutwardCall, mishap: Mishap): Promise<unknown[]> {
  const one = await StoryRig.start();
  try {
    const pod = await runPod(one);
    const before = await one.leftovers();
    const signal = arrange(one, call, mishap);
    const made = await createContainer(one.deps, containerRequest(pod), one.call(signal)).catch(() => undefined);
    one.heal();
    await clearScratch(one.deps); // what cannot be unmounted at once goes at the next start
    const after = await one.leftovers();
    await removeAll(one);
    const at = `${call.name} ${call.nth}`;
    const wrong: unknown[] = [];
    if (!made && JSON.stringify(after) !== JSON.stringify(before)) wrong.push({ at, before, after });
    const left = await one.leftovers();
    return Object.keys(left).length > 0 ? [...wrong, { at, left }] : wrong;
  } finally {
    await one.close();
  }
}
