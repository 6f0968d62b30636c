import {
  type ContainerEventResponse,
  ContainerEventType,
  ContainerState,
  PodSandboxState,
} from '../../../../generated/cri/v1/api';
import { removeContainer } from '../../../../src/cri/container/remove-container';
import { getContainerEvents } from '../../../../src/cri/runtime/get-container-events';
import { removePodSandbox } from '../../../../src/cri/sandbox/remove-pod-sandbox';
import { stopPodSandbox } from '../../../../src/cri/sandbox/stop-pod-sandbox';
import { runContainer, runPod } from '../../../support/story-pods';
import { ended, useRig } from '../../../support/use-rig';

const { CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } =
  ContainerEventType;
const rig = useRig();

/** A subscriber; `next` waits for so many events. */
function subscribe() {
  const leaving = new AbortController();
  const events = getContainerEvents(rig.now.deps, {}, rig.now.call(leaving.signal))[Symbol.asyncIterator]();
  const next = async (count: number): Promise<ContainerEventResponse[]> => {
    const got: ContainerEventResponse[] = [];
    while (got.length < count) got.push((await events.next()).value as ContainerEventResponse);
    return got;
  };
  return { next, events, leave: () => leaving.abort(new Error('gone')) };
}

const brief = (events: ContainerEventResponse[]): unknown[] =>
  events.map(({ containerId, containerEventType }) => [containerId, containerEventType]);

describe('GetContainerEvents', () => {
  it('tells what happens to pods and containers, in order, to every subscriber', async () => {
    const both = [subscribe(), subscribe()];
    const pod = await runPod(rig.now);
    const { id } = (await runContainer(rig.now, pod)).metadata;
    rig.now.fake.process(id).exit(0);
    await ended(rig.now, id);
    await removeContainer(rig.now.deps, { containerId: id }, rig.now.call());
    await stopPodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    await removePodSandbox(rig.now.deps, { podSandboxId: pod }, rig.now.call());
    for (const { next, leave } of both) {
      expect(brief(await next(8))).toEqual([
        [pod, CONTAINER_CREATED_EVENT],
        [pod, CONTAINER_STARTED_EVENT],
        [id, CONTAINER_CREATED_EVENT],
        [id, CONTAINER_STARTED_EVENT],
        [id, CONTAINER_STOPPED_EVENT],
        [id, CONTAINER_DELETED_EVENT],
        [pod, CONTAINER_STOPPED_EVENT],
        [pod, CONTAINER_DELETED_EVENT],
      ]);
      leave();
    }
  });

  it('carries the status of the pod and those of all its containers, as they are at that moment', async () => {
    const { next, leave } = subscribe();
    const pod = await runPod(rig.now);
    const first = (await runContainer(rig.now, pod)).metadata.id;
    const second = (await runContainer(rig.now, pod, { metadata: { name: 'b' } })).metadata.id;
    const last = (await next(6)).at(-1);
    expect(last).toMatchObject({
      containerId: second,
      podSandboxStatus: { id: pod, state: PodSandboxState.SANDBOX_READY },
      containersStatuses: [
        { id: first, state: ContainerState.CONTAINER_RUNNING },
        { id: second, state: ContainerState.CONTAINER_RUNNING },
      ],
    });
    expect(last?.createdAt).toBeGreaterThan(0n);
    leave();
  });

  it('tells nothing of what was before', async () => {
    const pod = await runPod(rig.now);
    const { next, leave } = subscribe();
    const { id } = (await runContainer(rig.now, pod)).metadata;
    expect(brief(await next(1))).toEqual([[id, CONTAINER_CREATED_EVENT]]);
    leave();
  });

  it('ends when the caller leaves', async () => {
    const { events, leave } = subscribe();
    const pending = events.next();
    leave();
    expect((await pending).done).toBe(true);
  });
});
