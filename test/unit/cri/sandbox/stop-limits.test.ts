import { silentLogger } from '../../../../src/base/logger';
import { DeadlineError, unlessAborted } from '../../../../src/base/wait/deadline';
import { ContainerdClient } from '../../../../src/containerd/client';
import { removeContainer } from '../../../../src/cri/container/remove-container';
import { stopContainer } from '../../../../src/cri/container/stop-container';
import type { CriDeps } from '../../../../src/cri/deps';
import { removePodSandbox } from '../../../../src/cri/sandbox/remove-pod-sandbox';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import type { Call } from '../../../../src/rpc/call';
import { Code } from '../../../../src/rpc/code';
import { RpcError } from '../../../../src/rpc/rpc-error';
import type { Failure } from '../../../support/fake/failpoints';
import { makeContainer, runContainer, runPod } from '../../../support/story-pods';
import { settle } from '../../../support/streaming/until';
import { useRig } from '../../../support/use-rig';

const rig = useRig({ sandboxStore: true });
let hasty: ContainerdClient;
let deps: CriDeps;

/** What a call to containerd may take here when nothing says otherwise: far less than it takes when it is slow. */
const DEFAULT_MS = 30;
const SLOW_MS = 150;

beforeEach(() => {
  const { address, namespace } = rig.now.deps.config.containerd;
  hasty = new ContainerdClient({ address, namespace, log: silentLogger, defaultTimeoutMs: DEFAULT_MS });
  deps = { ...rig.now.deps, containerd: hasty };
});
afterEach(() => hasty.close());

/** A call of a method takes a while: the next one, unless `which` says otherwise. */
function slow(method: string, which: Pick<Failure, 'nth' | 'when'> = {}): void {
  let begin: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    begin = () => void setTimeout(resolve, SLOW_MS);
  });
  rig.now.fake.fail(method, { ...which, until, hit: () => begin() });
}

const SLOW = [
  ...['Tasks/Kill', 'Tasks/Get', 'Tasks/Delete', 'Snapshots/Remove', 'Containers/Delete', 'Leases/Delete'],
  ...['Leases/ListResources', 'Store/Delete'],
];

it.each(SLOW)('StopPodSandbox and RemovePodSandbox wait for a slow %s', async (method) => {
  const podSandboxId = await runPod(rig.now);
  for (const name of ['a', 'b']) await runContainer(rig.now, podSandboxId, { metadata: { name } });
  // The tasks of containers are deleted when their exits are recorded, by nobody's call.
  slow(method, method === 'Tasks/Delete' ? { when: ({ containerId }) => containerId === podSandboxId } : {});
  await stopPodSandbox(deps, { podSandboxId }, rig.now.call());
  await removePodSandbox(deps, { podSandboxId }, rig.now.call());
  expect(deps.sandboxes.get(podSandboxId)).toBeUndefined();
});

it.each(['Tasks/Kill', 'Tasks/Delete', 'Snapshots/Remove', 'Containers/Delete'])(
  'StopContainer and RemoveContainer wait for a slow %s',
  async (method) => {
    const { metadata } = await runContainer(rig.now, await runPod(rig.now));
    slow(method, method === 'Tasks/Delete' ? { nth: 2 } : {}); // the first is made when its exit is recorded
    await stopContainer(deps, { containerId: metadata.id, timeout: 1n }, rig.now.call());
    await removeContainer(deps, { containerId: metadata.id }, rig.now.call());
    expect(deps.containers.get(metadata.id)).toBeUndefined();
  },
);

it.each(['unmount', 'removeTree', 'removeNetns'])('A stop waits on when the kernel holds up its %s', async (name) => {
  const podSandboxId = await runPod(rig.now);
  await makeContainer(rig.now, podSandboxId);
  const before = rig.now.faults.calls.length;
  rig.now.faults.fail(name, { error: new DeadlineError(name, 1) });
  await stopPodSandbox(rig.now.deps, { podSandboxId }, rig.now.call());
  const asked = rig.now.faults.calls.slice(before).filter((call) => call === name);
  expect(asked.length).toBe(2);
});

describe('A shim that hangs', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  /** A container whose shim answers no signal, and a stop of it. */
  async function hung(how: Partial<Call>): Promise<{ outcome: () => unknown; stopping: Promise<unknown> }> {
    const { metadata } = await runContainer(rig.now, await runPod(rig.now));
    const kill: (typeof deps.containerd.tasks)['kill'] = (_target, { signal = new AbortController().signal } = {}) =>
      unlessAborted(new Promise<never>(() => undefined), signal);
    jest.spyOn(hasty.tasks, 'kill').mockImplementation(kill);
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'Date'] });
    let outcome: unknown = 'none yet';
    const stopping = stopContainer(
      deps,
      { containerId: metadata.id, timeout: 10n },
      { ...rig.now.call(), ...how },
    ).then(
      () => {
        outcome = 'stopped';
      },
      (error: unknown) => {
        outcome = error;
      },
    );
    return { outcome: () => outcome, stopping };
  }

  it('fails the stop of a caller without a deadline two minutes after the grace period', async () => {
    const { outcome, stopping } = await hung({});
    await jest.advanceTimersByTimeAsync(129_000);
    expect(outcome()).toBe('none yet');
    await jest.advanceTimersByTimeAsync(1000);
    await stopping;
    expect(outcome()).toBeInstanceOf(DeadlineError);
  });

  it('fails the stop of one with a deadline at that, and not before', async () => {
    const caller = new AbortController();
    const { outcome, stopping } = await hung({ signal: caller.signal, deadline: Date.now() + 3_600_000 });
    await jest.advanceTimersByTimeAsync(3_599_000);
    expect(outcome()).toBe('none yet');
    const late = new RpcError(Code.DEADLINE_EXCEEDED, 'the deadline of the call has passed');
    caller.abort(late);
    await stopping;
    expect(outcome()).toBe(late);
  });

  it('fails the stop of its own pod alone', async () => {
    const podSandboxId = await runPod(rig.now);
    const { metadata } = await runContainer(rig.now, podSandboxId);
    const other = await runPod(rig.now, { metadata: { name: 'other', namespace: 'shop', uid: 'uid-2', attempt: 0 } });
    const kill = hasty.tasks.kill.bind(hasty.tasks);
    let goOn: (sent: boolean) => void = () => undefined;
    const hangs = new Promise<boolean>((resolve) => {
      goOn = resolve;
    });
    jest
      .spyOn(hasty.tasks, 'kill')
      .mockImplementation((target, options) => (target.containerId === metadata.id ? hangs : kill(target, options)));
    const caller = new AbortController();
    const stopping = stopPodSandbox(deps, { podSandboxId }, rig.now.call(caller.signal));
    stopping.catch(() => undefined);
    await stopPodSandbox(deps, { podSandboxId: other }, rig.now.call());
    await settle();
    expect(deps.locks.isHeld(`stop/${podSandboxId}`)).toBe(true);
    caller.abort(new RpcError(Code.DEADLINE_EXCEEDED, 'late'));
    await expect(stopping).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    goOn(true);
    rig.now.fake.process(metadata.id).exit(137);
    await stopPodSandbox(deps, { podSandboxId }, rig.now.call()); // it goes on where the shim does
  });
});
