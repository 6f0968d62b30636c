import { removeContainer } from '../../../src/cri/container/remove-container';
import { removePodSandbox } from '../../../src/cri/sandbox/remove-pod-sandbox';
import { stopPodSandbox } from '../../../src/cri/sandbox/stop-pod-sandbox';
import { TEARDOWN_TIMEOUT_MS } from '../../../src/pods/teardown-sandbox';
import { runContainer, runPod } from '../../support/story-pods';
import { useRig } from '../../support/use-rig';

const rig = useRig();
afterEach(() => jest.restoreAllMocks());

const settle = async (): Promise<void> => {
  for (let n = 0; n < 50; n++) await new Promise((resolve) => setImmediate(resolve));
};

/** A call that heeds no signal and ends when it is told to; how often it was made. */
function stubborn<Of extends object>(of: Of, name: keyof Of & string) {
  const original = Reflect.get(of, name) as (...args: unknown[]) => Promise<unknown>;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let begun: () => void = () => undefined;
  const hanging = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const made: unknown[] = [];
  Reflect.set(of, name, async (...args: unknown[]) => {
    made.push(args[0]);
    begun();
    await ended;
    return original.apply(of, args);
  });
  return { hanging, made, end: () => end() };
}

/** Timers of this length never fire by themselves from now on, but all when the answer is called. */
function timersOf(length: number): () => void {
  const waiting: (() => void)[] = [];
  const real = setTimeout;
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(((act: () => void, ms?: number) => {
    if (ms === length) waiting.push(act);
    return real(ms === length ? () => undefined : act, ms === length ? 0 : ms);
  }) as typeof setTimeout);
  return () => {
    for (const act of waiting) act();
  };
}

/** Whether it has settled by now. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  );
  await settle();
  return Promise.race([settled, new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);
}

const stop = (podSandboxId: string, signal?: AbortSignal) =>
  stopPodSandbox(rig.now.deps, { podSandboxId }, rig.now.call(signal));
const remove = (podSandboxId: string, signal?: AbortSignal) =>
  removePodSandbox(rig.now.deps, { podSandboxId }, rig.now.call(signal));

describe('Work that goes on after its call was answered', () => {
  it.each([
    ['StopPodSandbox', 'the network', stop, () => stubborn(rig.now.networks, 'del')],
    ['RemovePodSandbox', 'the network', remove, () => stubborn(rig.now.networks, 'del')],
    ['RemovePodSandbox', 'a container', remove, () => stubborn(rig.now.stdio, 'close')],
    ['RemovePodSandbox', 'its own files', remove, () => stubborn(rig.now.deps.sandboxes, 'forget')],
  ] as const)('has nothing beside it: %s that is late with %s', async (_rpc, _part, call, hang) => {
    const pod = await runPod(rig.now);
    await runContainer(rig.now, pod);
    const late = hang();
    const timeIsUp = timersOf(TEARDOWN_TIMEOUT_MS);
    const first = call(pod).catch((error: unknown) => String(error));
    await late.hanging;
    timeIsUp();
    expect(await first).toContain(`took longer than ${TEARDOWN_TIMEOUT_MS} ms`);
    jest.restoreAllMocks();
    const left = new AbortController();
    const second = call(pod, left.signal);
    second.catch(() => undefined);
    expect([await hasSettled(second), late.made]).toEqual([false, [expect.anything()]]);
    left.abort(new Error('its own deadline'));
    await expect(second).rejects.toThrow('its own deadline');
    late.end();
    await remove(pod);
    expect(rig.now.deps.sandboxes.list()).toEqual([]);
  });

  it('does not keep a caller of RemoveContainer that leaves, and another call waits for its end', async () => {
    const { id } = (await runContainer(rig.now, await runPod(rig.now))).metadata;
    const late = stubborn(rig.now.stdio, 'close');
    const left = new AbortController();
    const first = removeContainer(rig.now.deps, { containerId: id }, rig.now.call(left.signal));
    await late.hanging;
    left.abort(new Error('left'));
    await expect(first).rejects.toThrow('left');
    const second = removeContainer(rig.now.deps, { containerId: id }, rig.now.call());
    expect([await hasSettled(second), late.made]).toEqual([false, [id]]);
    late.end();
    await second;
    expect(rig.now.deps.containers.list()).toEqual([]);
  });

  it('keeps a pod as stopping for as long as anything of it is being stopped', async () => {
    const pod = await runPod(rig.now);
    await runContainer(rig.now, pod, { metadata: { name: 'fails' } });
    const slow = await runContainer(rig.now, pod, { metadata: { name: 'slow' } });
    slow.busy = 'starting'; // its stop waits for its lock
    const held = await rig.now.deps.locks.hold(slow.metadata.id);
    const killed = new Promise<void>((hit) => rig.now.fake.fail('Tasks/Kill', { hit }));
    const stopping = stop(pod);
    stopping.catch(() => undefined);
    await killed;
    expect([await hasSettled(stopping), rig.now.deps.sandboxes.get(pod)?.stopping]).toEqual([false, true]);
    slow.busy = undefined;
    held.release();
    await expect(stopping).rejects.toThrow('made to fail');
    expect(rig.now.deps.sandboxes.get(pod)?.stopping).toBe(false);
  });
});
